"""Small files that try to eat the machine."""

import io
import json
import os
import pickle
import struct
import zipfile

MAGIC = pickle.dumps(0x1950A86A20F9469CFC6C, 2)
HEAD = MAGIC + pickle.dumps(1001, 2) + pickle.dumps({}, 2)
NEVER = 2**31 - 1


def text(word):
    held = word.encode()
    return b"X" + struct.pack("<I", len(held)) + held


def name(module, word):
    return f"c{module}\n{word}\n".encode()


def laughs(kind, deep=200):
    """A value that holds the one before it twice, and so on."""
    first = {"list": b"]", "dict": b"}", "tuple": b")"}[kind]
    out = first + b"q\x00"
    for index in range(deep):
        old = b"h" + bytes([index])
        new = {
            "list": b"](" + old * 2 + b"e",
            "dict": b"}(" + text("a") + old + text("b") + old + b"u",
            "tuple": old * 2 + b"\x86",
        }[kind]
        out += b"0" + new + b"q" + bytes([index + 1])
    return out


def nested_storage(count, raw, kind="FloatStorage"):
    reference = (
        b"(" + text("storage") + name("torch", kind) + text("0") + text("cpu")
        + b"\x8a\x20" + count.to_bytes(32, "little", signed=True) + b"NtQ"
    )  # fmt: skip
    main = b"\x80\x02" + reference + b"."
    return HEAD + main + pickle.dumps(["0"], 2) + struct.pack("<q", min(count, 2**62)) + raw


def integer(value):
    return b"\x8a\x20" + value.to_bytes(32, "little", signed=True)


def tensor(blob, size, stride, offset=0):
    held = b"B" + struct.pack("<I", len(blob)) + blob
    sizes = b"(" + b"".join(map(integer, size)) + b"t"
    strides = b"(" + b"".join(map(integer, stride)) + b"t"
    storage = name("torch.storage", "_load_from_bytes") + held + b"\x85R"
    return (
        name("torch._utils", "_rebuild_tensor_v2") + b"(" + storage + integer(offset) + sizes
        + strides + b"\x89}tR"
    )  # fmt: skip


def module(kind, **parts):
    """A persistent module; values are pickled already."""
    state = b"}(" + b"".join(text(key) + value for key, value in parts.items()) + b"u"
    meta = b"}(" + text("type") + text("class") + text("class_name") + text(kind)
    meta += text("state") + state + b"u"
    return name("torch_utils.persistence", "_reconstruct_persistent_obj") + meta + b"\x85R"


def mapping(**parts):
    return b"}(" + b"".join(text(key) + value for key, value in parts.items()) + b"u"


def network(**root):
    """A file with a generator of these attributes, and the same as discriminator."""
    whole = {"c_dim": b"K\x00", "img_resolution": b"M\x00\x04", "img_channels": b"K\x03"} | root
    both = mapping(G_ema=module("Generator", **whole), D=module("Discriminator", **whole))
    return b"\x80\x02" + both + b"."


def wide(channels):
    """Biases are there; the weights they imply would take gigabytes."""
    bias = tensor(nested_storage(channels, bytes(4 * channels)), (channels,), (1,))
    layer = module("SynthesisLayer", _parameters=mapping(bias=bias), conv_clamp=b"N")
    blocks = {f"b{2**n}": module("B", _modules=mapping(conv1=layer)) for n in range(2, 11)}
    synthesis = module("SynthesisNetwork", _modules=mapping(**blocks))
    first = module("FullyConnectedLayer", bias_gain=b"K\x01")
    mapped = module("MappingNetwork", _modules=mapping(fc0=first))
    return network(
        z_dim=b"M\x00\x02", w_dim=b"M\x00\x02",
        _modules=mapping(synthesis=synthesis, mapping=mapped),
    )  # fmt: skip


PICKLES = {
    "nine bytes": b"\x80\x04B\xff\xff\xff\xff..",
    "bytes of 2^62": b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b".",
    "bytearray of 2^33": b"\x80\x05\x96" + struct.pack("<Q", 2**33) + b".",
    "frame of 2^40": b"\x80\x04\x95" + struct.pack("<Q", 2**40) + b"}.",
    "text of 2^32": b"\x80\x04X\xff\xff\xff\xff.",
    "text of 2^60": b"\x80\x04\x8d" + struct.pack("<Q", 2**60) + b".",
    "integer of 2^31": b"\x80\x02\x8b" + struct.pack("<i", NEVER) + b".",
    "integer of a megabyte": b"\x80\x02\x8b" + struct.pack("<i", 10**6) + b"\x7f" * 10**6 + b".",
    "negative length": b"\x80\x02\x8b\xff\xff\xff\xff.",
    "memo far away": b"\x80\x02]r\xff\xff\xff\x7fj\xff\xff\xff\x7f.",
    "memo of itself": b"\x80\x02]q\x00h\x00a.",
    "nested key": b"\x80\x02}" + laughs("tuple", 120) + b"Ns.",
    "nested tuple": b"\x80\x02" + laughs("tuple") + b".",
    "nested lists": b"\x80\x02" + laughs("list") + b".",
    "nested mappings": b"\x80\x02" + laughs("dict") + b".",
    "deep lists": b"\x80\x02" + b"]" * 150_000 + b"a" * 149_999 + b".",
    "deep tuples": b"\x80\x02N" + b"\x85" * 300_000 + b".",
    "many marks": b"\x80\x02" + b"(" * 1_000_000 + b".",
    "many mappings": b"\x80\x02(" + b"}" * 1_000_000 + b"l.",
    "many byte strings": b"\x80\x03(" + b"C\x00" * 1_000_000 + b"l.",
    "colliding keys": b"\x80\x02}("
    + b"".join(b"\x8a\x0a" + (i * (2**61 - 1)).to_bytes(10, "little") + b"N" for i in range(99_999))
    + b"u.",
    "sets of one long list": b"\x80\x02](" + b"N" * 90_000 + b"eq\x000"
    + (name("builtins", "set") + b"h\x00\x85R0") * 60_000 + b"N.",
    "mappings of one long list": b"\x80\x02](" + b"NN\x86" * 60_000 + b"eq\x000"
    + (name("collections", "OrderedDict") + b"h\x00\x85R0") * 40_000 + b"N.",
    "calls with one long tuple": b"\x80\x02(" + b"N" * 90_000 + b"tq\x000"
    + (name("builtins", "set") + b"h\x00R0") * 60_000 + b"N.",
    "many strangers": b"\x80\x02"
    + b"".join(name("m", f"n{i}") + b"0" for i in range(90_000)) + b"N.",
    "wide text": b"\x80\x02" + (text("a" * 1_000_000 + "\U0001f600") + b"0") * 20 + b"N.",
    "a name without an end": b"\x80\x02c" + b"a" * 5_000_000,
    "unfinished": b"\x80\x02}(",
    "only stop": b".",
}  # fmt: skip

NETWORKS = {
    "storage of 2^40": network(x=tensor(nested_storage(2**40, b""), (2,), (1,))),
    "storage of 2^200": network(x=tensor(nested_storage(2**200, b""), (2,), (1,))),
    "negative storage": network(x=tensor(nested_storage(-1, b""), (2,), (1,))),
    "tensor of stride 0": network(x=tensor(nested_storage(1, bytes(4)), (2**40,), (0,))),
    "tensor of 2^60": network(x=tensor(nested_storage(1, bytes(4)), (2**30, 2**30), (0, 0))),
    "tensor far away": network(x=tensor(nested_storage(4, bytes(16)), (2,), (2**40,))),
    "negative stride": network(x=tensor(nested_storage(4, bytes(16)), (2,), (-1,))),
    "offset beyond": network(x=tensor(nested_storage(4, bytes(16)), (1,), (1,), 2**60)),
    "many axes": network(x=tensor(nested_storage(1, bytes(4)), (1,) * 3000, (1,) * 3000)),
    "wide channels": wide(20_000),
    "very wide channels": wide(300_000),
    "resolution of 2^200": network(img_resolution=integer(2**200)),
    "nested attribute": network(c_dim=laughs("list")),
    "latent of 2^60": network(z_dim=integer(2**60), w_dim=integer(2**60)),
    "modules in a chain": network(
        _modules=mapping(a=b"".join((name("torch_utils.persistence", "_reconstruct_persistent_obj"),
            b"}(", text("type"), text("class"), text("class_name"), text("M"), text("state"), b"}",
            text("_modules"), b"}", text("a"))[i] for _ in range(2_000) for i in range(11))
            + b"N" + b"ssu\x85R" * 2_000)),
    "shared parameters": network(_modules=b"}(" + b"".join(
        text(f"m{i}") + module("M", _parameters=(
            mapping(**{f"p{j}": b"N" for j in range(900)}) + b"q\x09" if i == 0 else b"h\x09"))
        for i in range(5_000)) + b"u"),
}  # fmt: skip


def zipped(parts, compression=zipfile.ZIP_STORED):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", compression) as archive:
        for part, content in parts.items():
            archive.writestr(part, content)
    return made.getvalue()


def state_pickle(count, size, stride, kind="FloatStorage"):
    storage = b"(" + text("storage") + name("torch", kind) + text("0") + text("cpu")
    storage += integer(count) + b"tQ"
    sizes = b"(" + b"".join(map(integer, size)) + b"t"
    strides = b"(" + b"".join(map(integer, stride)) + b"t"
    made = name("torch._utils", "_rebuild_tensor_v2") + b"(" + storage + b"K\x00" + sizes + strides
    return b"\x80\x02}" + text("w") + made + b"\x89}tRs."


def state_zip(count, size, stride, raw, kind="FloatStorage"):
    return zipped({"a/data.pkl": state_pickle(count, size, stride, kind), "a/data/0": raw})


def lying(raw, **fields):
    """A zip whose directory states other sizes."""
    made = bytearray(raw)
    entry = made.rindex(b"PK\x01\x02")
    for place, value in fields.items():
        at = entry + {"packed": 20, "size": 24, "offset": 42}[place]
        made[at : at + 4] = struct.pack("<I", value)
    return bytes(made)


GOOD_ZIP = state_zip(4, (4,), (1,), bytes(16))
STATES = {
    "zip of zeros": zipped(
        {"a/data.pkl": state_pickle(5 * 10**7, (5 * 10**7,), (1,)), "a/data/0": bytes(2 * 10**8)},
        zipfile.ZIP_DEFLATED,
    ),
    "zip with a packed pickle": zipped(
        {"a/data.pkl": b"\x80\x02(" + b"]" * 10**8 + b"l."}, zipfile.ZIP_DEFLATED
    ),
    "zip, storage of 2^40": state_zip(2**40, (2,), (1,), bytes(16)),
    "zip, stride 0": state_zip(1, (2**40,), (0,), bytes(4)),
    "zip, lying size": lying(GOOD_ZIP, packed=2**31, size=2**31),
    "zip, unequal sizes": lying(GOOD_ZIP, size=2**31),
    "zip, part within a part": lying(GOOD_ZIP, offset=0),
    "zip, part far away": lying(GOOD_ZIP, offset=2**31),
    "zip of many parts": GOOD_ZIP[:-12] + struct.pack("<HLLH", 65535, 2**31, 0, 0)[:12],
    "zip of real parts": zipped({str(i): b"" for i in range(30_000)}),
    "zip in zip": zipped({"a/data.pkl": GOOD_ZIP}),
    "npz": zipped({"w.npy": b"\x93NUMPY"}),
    "no zip": b"PK\x03\x04" + bytes(1000),
    "sequential, storage of 2^40": HEAD + state_pickle(2**40, (2,), (1,)) + pickle.dumps(["0"], 2)
    + struct.pack("<q", 2**40),
    "sequential, keys of 2^31": HEAD + state_pickle(2, (2,), (1,)) + b"\x80\x02" + laughs("list")
    + b".",
    "bytearray by call": HEAD + b"\x80\x02}" + text("w") + name("builtins", "bytearray")
    + integer(2**33) + b"\x85Rs." + pickle.dumps([], 2),
    "a name of wrappers": HEAD
    + state_pickle(1, (1,), (1,)).replace(text("w"), text("model." * 160_000), 1)
    + pickle.dumps(["0"], 2) + struct.pack("<q", 1) + bytes(4),
}  # fmt: skip


def safetensors(header, raw=b"", length=None):
    content = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(content) if length is None else length) + content + raw


def entry(shape, start, stop, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, stop]}


def our_generator(**config):
    config = {"image_px": 1024} | config
    mirage = json.dumps({"network": "stylegan2.generator", "config": config})
    return safetensors({"__metadata__": {"mirage": mirage}, "w": entry([1], 0, 4)}, bytes(4))


HEADERS = {
    "header of 2^31": safetensors(b"{", length=2**31),
    "header of 2^60": safetensors(b"{}", length=2**60),
    "header of empty lists": safetensors(b'{"a":[' + b"[]," * 690_000 + b"[]]}"),
    "long header of empty lists": safetensors(b'{"a":[' + b"[]," * 5_000_000 + b"[]]}"),
    "deep header": safetensors(b'{"a":' + b"[" * 1_000_000),
    "overlapping tensors": safetensors({"a": entry([2], 0, 8), "b": entry([2], 4, 12)}, bytes(12)),
    "gap between tensors": safetensors({"a": entry([1], 0, 4), "b": entry([1], 8, 12)}, bytes(12)),
    "tensor of 2^50": safetensors({"a": entry([2**25, 2**25], 0, 4)}, bytes(4)),
    "negative shape": safetensors({"a": entry([-1], 0, -4)}, bytes(4)),
    "unknown dtype": safetensors({"a": entry([1], 0, 4, "Q7")}, bytes(4)),
    "header of nothing": safetensors(b"[]"),
    "numbers cut short": safetensors({"a": entry([4], 0, 16)}, bytes(4)),
    "our generator, wide": our_generator(channels=[2**20] * 9),
    "our generator, deep": our_generator(mapping_layers=10**9),
    "our generator, latent": our_generator(z_dim=2**40, w_dim=2**40),
    "our generator, empty": our_generator(),
}


def array(shape, descr="<f4", raw=b""):
    head = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape!r}, }}".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + raw


ARRAYS = {
    "array of 2^40": array((2**40,)),
    "array of 2^70": array((2**35, 2**35)),
    "array of bytes": array((2**20,), "|u1", bytes(2**20)),
    "array of objects": array((1,), "|O", pickle.dumps([os.system])),
    "array of structures": array((1,), [("a", "<f4", (2**30,))]),
    "an archive of arrays": zipped({"a.npy": array((2**28,))}),
}
CASES = {
    **{word: ("pickle", made) for word, made in (PICKLES | NETWORKS).items()},
    **{f"{word} (weights)": ("state", HEAD + made) for word, made in PICKLES.items()},
    **{word: ("state", made) for word, made in STATES.items()},
    **{word: ("header", made) for word, made in HEADERS.items()},
    **{word: ("array", made) for word, made in ARRAYS.items()},
}


def write(folder):
    """Write all files; gives name -> door."""
    for word, (_, content) in CASES.items():
        (folder / word).write_bytes(content)
    return {word: door for word, (door, _) in CASES.items()}
