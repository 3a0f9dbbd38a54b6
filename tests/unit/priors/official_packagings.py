"""Write imitations of the two official packagings, with real PyTorch modules.

Run as a program, in a process of its own: ``official_packagings.py FILE PACKAGING PROTOCOL CLAMP``.
The stand-ins for the official classes are pickled by the same route as those: each module as a call
of ``torch_utils.persistence._reconstruct_persistent_obj`` with its class name, its ``__dict__``
and the source text of its file. That text is a canary: whoever runs it leaves a file behind.
"""

import pickle
import sys
import types
from pathlib import Path

import numpy as np
import torch
from torch import nn

CANARY = "from pathlib import Path\nPath('canary').touch()\nraise SystemExit('code was run')\n"
IMAGE_PX, Z, W, LAYERS, CHANNELS = 16, 9, 8, 3, {4: 6, 8: 5, 16: 4}
TAPS = torch.outer(torch.tensor([1.0, 3, 3, 1]), torch.tensor([1.0, 3, 3, 1])) / 64
MULTIPLIER = 0.01


def _reconstruct_persistent_obj(meta):
    exec(meta["module_src"], {})


class EasyDict(dict):
    pass


def _home(name, **members):
    module = types.ModuleType(name)
    for key, member in members.items():
        member.__module__ = name
        setattr(module, key, member)
    sys.modules[name] = module


class Persistent(nn.Module):
    """A module that pickles as the official ones do."""

    def __init__(self, new, **attributes):
        super().__init__()
        self._init_args, self._init_kwargs = (), attributes.pop("init", {})
        for key, value in attributes.items():
            setattr(self, key, value)
        self.new = new

    def __reduce__(self):
        state = {key: value for key, value in self.__dict__.items() if key != "new"}
        meta = {
            "type": "class",
            "version": 6,
            "module_src": CANARY,
            "class_name": type(self).__name__,
            "state": state,
        }
        return _reconstruct_persistent_obj, (meta,)


def _kind(name):
    return type(name, (Persistent,), {})


def _draw(*shape):
    return nn.Parameter(torch.randn(shape, generator=DRAWS))


DRAWS = torch.Generator().manual_seed(5)


def connected(new, inputs, outputs, activation="linear", multiplier=1.0):
    sizes = {"in_features": inputs, "out_features": outputs} if new else {}
    layer = _kind("FullyConnectedLayer")(
        new,
        activation=activation,
        weight_gain=multiplier / np.sqrt(inputs),
        bias_gain=multiplier,
        **sizes,
    )
    layer.weight, layer.bias = _draw(outputs, inputs), _draw(outputs)
    return layer


def convolution(new, inputs, outputs, kernel, clamp, down=1, linear=False):
    layer = _kind("Conv2dLayer")(
        new,
        activation="linear" if linear else "lrelu",
        up=1,
        down=down,
        conv_clamp=None if linear else clamp,
        padding=kernel // 2,
        weight_gain=1 / np.sqrt(inputs * kernel**2),
        act_gain=1 if linear else np.sqrt(2),
        **({"in_channels": inputs, "out_channels": outputs} if new else {}),
    )
    layer.register_buffer("resample_filter", TAPS.clone())
    layer.weight = _draw(outputs, inputs, kernel, kernel)
    layer.bias = None if linear else _draw(outputs)
    return layer


def synthesis_layer(new, inputs, outputs, px, clamp, up=1, half=False):
    layer = _kind("SynthesisLayer")(
        new,
        resolution=px,
        up=up,
        use_noise=True,
        activation="lrelu",
        conv_clamp=clamp,
        padding=1,
        act_gain=np.sqrt(2),
        **({"in_channels": inputs, "out_channels": outputs, "w_dim": W} if new else {}),
    )
    layer.register_buffer("resample_filter", TAPS.clone())
    layer.affine = connected(new, W, inputs)
    weight = _draw(outputs, inputs, 3, 3)
    # Layers that may run in half precision keep their weights channels-last.
    layout = torch.channels_last if half else torch.contiguous_format
    layer.weight = nn.Parameter(weight.detach().to(memory_format=layout))
    layer.register_buffer("noise_const", torch.randn(px, px, generator=DRAWS))
    layer.noise_strength, layer.bias = _draw(), _draw(outputs)
    return layer


def to_rgb(new, inputs, clamp):
    layer = _kind("ToRGBLayer")(
        new,
        conv_clamp=clamp,
        weight_gain=1 / np.sqrt(inputs),
        **({"in_channels": inputs, "out_channels": 3, "w_dim": W} if new else {}),
    )
    layer.affine = connected(new, W, inputs)
    layer.weight, layer.bias = _draw(3, inputs, 1, 1), _draw(3)
    return layer


def generator(new, clamp):
    newer = {"num_fp16_res": 4} if new else {}
    synthesis = _kind("SynthesisNetwork")(
        new,
        w_dim=W,
        img_resolution=IMAGE_PX,
        img_resolution_log2=4,
        img_channels=3,
        block_resolutions=list(CHANNELS),
        num_ws=2 * len(CHANNELS),
        **newer,
    )
    for px, outputs in CHANNELS.items():
        inputs = CHANNELS.get(px // 2, 0)
        half = new and px >= 8
        block = _kind("SynthesisBlock")(
            new,
            in_channels=inputs,
            w_dim=W,
            resolution=px,
            img_channels=3,
            is_last=px == IMAGE_PX,
            architecture="skip",
            use_fp16=half,
            channels_last=half,
            num_conv=1 + (px > 4),
            num_torgb=1,
            **({"fused_modconv_default": "inference_only"} if new else {}),
        )
        block.register_buffer("resample_filter", TAPS.clone())
        if px == 4:
            block.const = _draw(outputs, 4, 4)
        else:
            block.conv0 = synthesis_layer(new, inputs, outputs, px, clamp, up=2, half=half)
        block.conv1 = synthesis_layer(new, outputs, outputs, px, clamp, half=half)
        block.torgb = to_rgb(new, outputs, clamp)
        setattr(synthesis, f"b{px}", block)
    mapping = _kind("MappingNetwork")(
        new, z_dim=Z, c_dim=0, w_dim=W, num_ws=2 * len(CHANNELS), num_layers=LAYERS,
        w_avg_beta=0.998 if new else 0.995, **({"trainable_layers": LAYERS} if new else {}),
    )  # fmt: skip
    for index, inputs in enumerate([Z] + [W] * (LAYERS - 1)):
        setattr(mapping, f"fc{index}", connected(new, inputs, W, "lrelu", MULTIPLIER))
    mapping.register_buffer("w_avg", torch.randn(W, generator=DRAWS))
    settings = {"channel_base": 64, "conv_clamp": clamp}
    flat = settings if new else {"synthesis_kwargs": EasyDict(settings)}
    root = _kind("Generator")(
        new,
        z_dim=Z, c_dim=0, w_dim=W, img_resolution=IMAGE_PX, img_channels=3,
        num_ws=2 * len(CHANNELS),
        init=EasyDict(z_dim=Z, mapping_kwargs=EasyDict(num_layers=LAYERS), **flat),
    )  # fmt: skip
    root.synthesis, root.mapping = synthesis, mapping
    return root.eval().requires_grad_(False)


def discriminator(new, clamp):
    root = _kind("Discriminator")(
        new, c_dim=0, img_resolution=IMAGE_PX, img_resolution_log2=4, img_channels=3,
        block_resolutions=sorted(CHANNELS)[:0:-1],
    )  # fmt: skip
    for px in sorted(CHANNELS)[:0:-1]:
        inside, outside = CHANNELS[px], CHANNELS[px // 2]
        block = _kind("DiscriminatorBlock")(
            new, in_channels=0 if px == IMAGE_PX else inside, resolution=px, img_channels=3,
            first_layer_idx=0, architecture="resnet", use_fp16=new, channels_last=new,
            num_layers=3,
        )  # fmt: skip
        block.register_buffer("resample_filter", TAPS.clone())
        if px == IMAGE_PX:
            block.fromrgb = convolution(new, 3, inside, 1, clamp)
        block.conv0 = convolution(new, inside, inside, 3, clamp)
        block.conv1 = convolution(new, inside, outside, 3, clamp, down=2)
        block.skip = convolution(new, inside, outside, 1, clamp, down=2, linear=True)
        setattr(root, f"b{px}", block)
    last = CHANNELS[4]
    end = _kind("DiscriminatorEpilogue")(
        new, in_channels=last, cmap_dim=0, resolution=4, img_channels=3, architecture="resnet"
    )
    end.mbstd = _kind("MinibatchStdLayer")(new, group_size=4, num_channels=1)
    end.conv = convolution(new, last + 1, last, 3, clamp)
    end.fc = connected(new, last * 16, last, "lrelu")
    end.out = connected(new, last, 1)
    root.b4 = end
    return root.eval().requires_grad_(False)


def write(path, packaging, protocol, clamp):
    new = packaging == "stylegan3"
    ema, critic = generator(new, clamp), discriminator(new, clamp)
    augment = _kind("AugmentPipe")(new, xflip=1)
    augment.register_buffer("p", torch.ones([]))
    content = {
        "training_set_kwargs": None,
        "G": generator(new, clamp),
        "D": critic,
        "G_ema": ema,
        "augment_pipe": augment,
    }
    if packaging == "stylegan2-ada-pytorch" and protocol == 3:
        # Files made by converting TensorFlow pickles hold the networks alone.
        del content["training_set_kwargs"], content["augment_pipe"]
    with path.open("wb") as file:
        pickle.dump(content, file, protocol=protocol)
    state = {f"G_ema.{k}": v for k, v in ema.state_dict().items()}
    state |= {f"D.{k}": v for k, v in critic.state_dict().items()}
    plain = {k: v.contiguous() for k, v in state.items() if not k.endswith("resample_filter")}
    torch.save(plain, path.with_suffix(".expected"))


if __name__ == "__main__":
    _home("torch_utils")
    _home("torch_utils.persistence", _reconstruct_persistent_obj=_reconstruct_persistent_obj)
    _home("dnnlib")
    _home("dnnlib.util", EasyDict=EasyDict)
    _, target, packaging, protocol, clamp = sys.argv
    write(Path(target), packaging, int(protocol), None if clamp == "none" else int(clamp))
