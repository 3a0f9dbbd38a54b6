"""StyleGAN2 written a second time: one sample, one weight per sample, sums over kernel taps.

Slow and literal, from the published formulas, in the dtype of its inputs; it shares no code with
the library.
"""

import math

import torch

ROOT2 = math.sqrt(2)
TAPS = [1 / 8, 3 / 8, 3 / 8, 1 / 8]


def lrelu(x):
    return torch.where(x > 0, x, 0.2 * x)


def padded(x, before, after):
    channels, height, width = x.shape
    out = x.new_zeros(channels, height + before + after, width + before + after)
    out[:, before : before + height, before : before + width] = x
    return out


def correlate(x, weight, stride=1):
    """Valid correlation of [Ci, H, W] with [C, Ci, k, k]."""
    k = weight.shape[-1]
    height, width = x.shape[1] - k + 1, x.shape[2] - k + 1
    out = 0
    for i in range(k):
        for j in range(k):
            out = out + torch.einsum(
                "oc,chw->ohw", weight[:, :, i, j], x[:, i : i + height, j : j + width]
            )
    return out[:, ::stride, ::stride]


def low_pass(x, gain, before, after):
    x = padded(x, before, after)
    height, width = x.shape[1] - 3, x.shape[2] - 3
    out = torch.zeros_like(x[:, :height, :width])
    for i in range(4):
        for j in range(4):
            out = out + gain * TAPS[i] * TAPS[j] * x[:, i : i + height, j : j + width]
    return out


def upsample(x):
    channels, height, width = x.shape
    spread = x.new_zeros(channels, 2 * height, 2 * width)
    spread[:, ::2, ::2] = x
    return low_pass(spread, 4, 2, 1)


def transposed(x, weight):
    height, width = x.shape[1:]
    out = x.new_zeros(len(weight), 2 * height + 1, 2 * width + 1)
    for k in range(3):
        for m in range(3):
            out[:, k : k + 2 * height : 2, m : m + 2 * width : 2] += torch.einsum(
                "oc,chw->ohw", weight[:, :, k, m], x
            )
    return out


def style(p, name, w):
    weight = p[f"{name}.affine.weight"]
    return weight @ w / math.sqrt(weight.shape[1]) + p[f"{name}.affine.bias"]


def clamp(x, bound):
    return x if bound is None else x.clamp(-bound, bound)


def layer(p, name, x, w, up, bound):
    weight = p[f"{name}.weight"] * style(p, name, w)[None, :, None, None]
    weight = weight / (weight.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
    x = low_pass(transposed(x, weight), 4, 1, 1) if up else correlate(padded(x, 1, 1), weight)
    x = x + p[f"{name}.noise_const"] * p[f"{name}.noise_strength"]
    return clamp(ROOT2 * lrelu(x + p[f"{name}.bias"][:, None, None]), bound)


def to_rgb(p, name, x, w, bound):
    weight = p[f"{name}.weight"][:, :, 0, 0] * style(p, name, w) / math.sqrt(len(x))
    image = torch.einsum("oc,chw->ohw", weight, x) + p[f"{name}.bias"][:, None, None]
    return clamp(image, bound)


def synthesise(p, ws, image_px, bound):
    """One image [C, H, W] from ws [num_ws, w_dim] and a state dict."""
    x = p["synthesis.b4.const"]
    x = layer(p, "synthesis.b4.conv1", x, ws[0], False, bound)
    image = to_rgb(p, "synthesis.b4.torgb", x, ws[1], bound)
    resolution, index = 8, 1
    while resolution <= image_px:
        name = f"synthesis.b{resolution}"
        x = layer(p, f"{name}.conv0", x, ws[index], True, bound)
        x = layer(p, f"{name}.conv1", x, ws[index + 1], False, bound)
        image = upsample(image) + to_rgb(p, f"{name}.torgb", x, ws[index + 2], bound)
        resolution, index = 2 * resolution, index + 2
    return image


def map_latent(p, z, layers, multiplier):
    x = z / (z.square().mean() + 1e-8).sqrt()
    for i in range(layers):
        weight = p[f"mapping.fc{i}.weight"] * multiplier / math.sqrt(len(x))
        x = ROOT2 * lrelu(weight @ x + p[f"mapping.fc{i}.bias"] * multiplier)
    return x


def discriminate(p, images, image_px, group, statistics, bound):
    """Scores [N] of images [N, C, H, W] from a discriminator's state dict."""

    def weight(name):
        value = p[f"{name}.weight"]
        return value / math.sqrt(value[0].numel())

    def convolve(x, name, gain=1.0, down=False):
        kernel = weight(name)
        if down:
            x = correlate(low_pass_same(x), kernel, stride=2)
        else:
            x = correlate(padded(x, kernel.shape[-1] // 2, kernel.shape[-1] // 2), kernel)
        x = gain * ROOT2 * lrelu(x + p[f"{name}.bias"][:, None, None])
        return clamp(x, None if bound is None else bound * gain)

    def low_pass_same(x):
        return low_pass(x, 1, 2, 2)

    half = math.sqrt(0.5)
    features = []
    for image in images:
        x = convolve(image, f"b{image_px}.fromrgb")
        resolution = image_px
        while resolution > 4:
            name = f"b{resolution}"
            small = low_pass(x, 1, 1, 1)[:, ::2, ::2]
            skip = half * correlate(small, weight(f"{name}.skip"))
            x = skip + convolve(convolve(x, f"{name}.conv0"), f"{name}.conv1", half, down=True)
            resolution //= 2
        features.append(x)
    count = len(features)
    group = min(group, count)
    apart = count // group
    scores = []
    for n, x in enumerate(features):
        members = torch.stack([features[m] for m in range(n % apart, count, apart)])
        assert len(members) == group
        deviation = ((members - members.mean(0)).square().mean(0) + 1e-8).sqrt()
        extra = [part.mean().expand(1, 4, 4) for part in deviation.chunk(statistics)]
        x = convolve(torch.cat([x, *extra]), "b4.conv").flatten()
        x = ROOT2 * lrelu(weight("b4.fc") @ x + p["b4.fc.bias"])
        scores.append(weight("b4.out") @ x + p["b4.out.bias"])
    return torch.stack(scores)[:, 0]
