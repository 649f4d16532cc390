"""The networks: for each family a function that draws one at random."""

import numpy as np

from graph import Case
from random_network import quantised

MOST_OUTPUTS = 1024
ALL_ZERO_POINTS = [-128, 127, 0]


def pick(rng, *values):
    return values[int(rng.integers(len(values)))]


def zero_point(rng):
    return int(rng.integers(-128, 128)) if rng.random() < 0.6 else pick(rng, *ALL_ZERO_POINTS)


def scale(rng, low=0.005, high=0.2):
    return np.float32(np.exp(rng.uniform(np.log(low), np.log(high))))


def weights(rng, *shape):
    return rng.integers(-127, 128, shape).astype(np.int8)


def weight_scale(rng, channels):
    """One scale, or one a channel."""
    if rng.random() < 0.3:
        return scale(rng, 0.001, 0.02)
    return np.exp(rng.uniform(np.log(0.001), np.log(0.02), channels)).astype(np.float32)


def output_scale(x, w_scale, depth):
    """A scale at which the outputs of a product of random bytes fill an int8 and saturate now and then."""
    spread = np.sqrt(depth) * 74.0 * 74.0 * float(x) * float(np.max(w_scale))
    return np.float32(spread * 3 / 128)


def bias(rng, channels, depth):
    spread = int(np.sqrt(depth) * 74 * 74)
    return rng.integers(-spread, spread + 1, channels).astype(np.int32) if rng.random() < 0.8 else None


def geometry(rng, extent, most_kernel):
    """Kernel, stride, dilation and padding along an axis of the given extent, so that there is an output."""
    while True:
        kernel = int(rng.integers(1, most_kernel + 1))
        stride, dilation = pick(rng, 1, 1, 2, 3), pick(rng, 1, 1, 2, 3)
        field = (kernel - 1) * dilation + 1
        pads = pick(rng, (0, 0), (field // 2, field // 2), tuple(int(v) for v in rng.integers(0, field, 2)))
        outputs = (extent + sum(pads) - field) // stride + 1
        if extent + sum(pads) >= field and outputs > 0:
            return kernel, stride, dilation, pads, outputs


def groups_of(rng, inputs):
    """Groups and output channels: plain, grouped, depthwise, depthwise with two outputs a channel."""
    kind = pick(rng, "plain", "grouped", "depthwise", "depthwise", "multiplied")
    if inputs == 1 or kind == "plain":
        return 1, int(rng.integers(1, 20))
    if kind == "grouped":
        groups = pick(rng, *[g for g in range(2, inputs + 1) if inputs % g == 0])
        return groups, groups * int(rng.integers(1, 5))
    return inputs, inputs * (2 if kind == "multiplied" else 1)


def as_it_is(value):
    return value


def power_of_two(value):
    """The nearest: products of such scales are exact, and sums meet ties."""
    return np.exp2(np.round(np.log2(value))).astype(np.float32)


def start(rng, name, frames, features, shape, rounded=as_it_is):
    x = (rounded(scale(rng)), zero_point(rng))
    return Case(name, frames, features, shape, *x), x


def convolution_1d(rng, number, name="conv1d", rounded=as_it_is):
    while True:
        channels, frames = pick(rng, 1, 3, 4, 8, 12, 13, 17, 24), int(rng.integers(1, 60))
        groups, outputs = groups_of(rng, channels)
        kernel, stride, dilation, pads, extent = geometry(rng, frames, 9)
        if frames * channels > 1 and extent * outputs <= MOST_OUTPUTS:
            break
    case, x = start(rng, f"{name} {number}", frames, channels, [1, channels, frames], rounded)
    depth = kernel * channels // groups
    w_scale = rounded(weight_scale(rng, outputs))
    y = (rounded(output_scale(x[0], w_scale, depth)), zero_point(rng))
    attributes = {"strides": [stride], "dilations": [dilation], "group": groups, "pads": list(pads)}
    if dilation == 1 and rng.random() < 0.15:
        attributes = {"strides": [stride], "group": groups, "auto_pad": pick(rng, "SAME_UPPER", "SAME_LOWER")}
        extent = -(-frames // stride)
    if extent * outputs > MOST_OUTPUTS:
        return convolution_1d(rng, number, name, rounded)
    case.conv(weights(rng, outputs, channels // groups, kernel), x, w_scale, y, bias(rng, outputs, depth), **attributes)
    return case.finish([0, 2, 1], extent * outputs)


def convolution_ties(rng, number):
    return convolution_1d(rng, number, "conv1d ties", power_of_two)


def convolution_2d(rng, number):
    while True:
        channels, frames, width = pick(rng, 1, 1, 3, 4, 8, 10), int(rng.integers(1, 24)), int(rng.integers(1, 16))
        groups, outputs = groups_of(rng, channels)
        rows = geometry(rng, frames, 6)
        columns = geometry(rng, width, 5)
        if frames * width * channels > 1 and rows[4] * columns[4] * outputs <= MOST_OUTPUTS:
            break
    case, x = image(rng, f"conv2d {number}", frames, width, channels)
    depth = rows[0] * columns[0] * channels // groups
    w_scale = weight_scale(rng, outputs)
    y = (output_scale(x[0], w_scale, depth), zero_point(rng))
    case.conv(
        weights(rng, outputs, channels // groups, rows[0], columns[0]),
        x,
        w_scale,
        y,
        bias(rng, outputs, depth),
        strides=[rows[1], columns[1]],
        dilations=[rows[2], columns[2]],
        pads=[rows[3][0], columns[3][0], rows[3][1], columns[3][1]],
        group=groups,
    )
    return case.finish([0, 2, 3, 1], rows[4] * columns[4] * outputs)


def image(rng, name, frames, width, channels):
    """Features of `width` x `channels` a frame, as an image of that many channels."""
    case, x = start(rng, name, frames, width * channels, [1, 1, frames, width * channels])
    if channels > 1:
        case.x = case.op("Reshape", [case.x, case.constant(np.array([1, frames, width, channels], np.int64))])
        case.x = case.op("Transpose", [case.x], perm=[0, 3, 1, 2])
    return case, x


def product(rng, number):
    frames, features = int(rng.integers(1, 16)), int(rng.integers(2, 25))
    flat = rng.random() < 0.6
    shape = [1, features, frames] if flat or frames == features else [1, 1, frames, features]
    case, x = start(rng, f"product {number}", frames, features, shape)
    outputs = int(rng.integers(1, 1 + (200 if flat else MOST_OUTPUTS // frames)))
    depth = frames * features if flat else features
    w_scale = weight_scale(rng, outputs)
    y = (output_scale(x[0], w_scale, depth), zero_point(rng))
    if flat:
        case.x = case.op("Flatten", [case.x], axis=1)
    elif len(shape) == 3:
        case.x = case.op("Transpose", [case.x], perm=[0, 2, 1])
    else:
        case.x = case.op("Squeeze", [case.x, case.constant(np.array([1], np.int64))])
    case.matmul(weights(rng, depth, outputs), x, w_scale, y)
    return case.finish([0, 1] if flat else [0, 1, 2], outputs * (1 if flat else frames))


def unary(rng, case, value):
    """A function of one variable, plain or composed."""
    kind = pick(
        rng, "Relu", "Clip", "Sigmoid", "Tanh", "LeakyRelu", "HardSigmoid", "Elu", "Softplus", "Exp", "Erf", "Abs", "none", "times", "silu", "Sqrt", "PRelu"
    )
    if kind == "Clip":
        low = np.float32(rng.uniform(-3, 0))
        return case.op("Clip", [value, case.constant(low), case.constant(np.float32(low + rng.uniform(0.5, 6)))])
    if kind == "LeakyRelu":
        return case.op(kind, [value], alpha=float(rng.uniform(0.01, 0.3)))
    if kind == "PRelu":
        return case.op(kind, [value, case.constant(np.float32(rng.uniform(0.01, 0.3)).reshape(1))])
    if kind == "none":
        return value
    if kind == "times":
        value = case.op("Mul", [value, case.constant(np.float32(rng.uniform(-2, 2)))])
        return case.op("Add", [value, case.constant(np.float32(rng.uniform(-1, 1)))])
    if kind == "silu":
        return case.op("Mul", [value, case.op("Sigmoid", [value])])
    if kind == "Sqrt":
        return case.op("Sqrt", [case.op("Abs", [value])])
    return case.op(kind, [value])


def lookup(rng, number):
    frames, features = int(rng.integers(1, 30)), int(rng.integers(2, 33))
    case, x = start(rng, f"lookup {number}", frames, features, [1, features, frames])
    y = (scale(rng, 0.004, 0.1), zero_point(rng))
    case.x = case.quantize(unary(rng, case, case.dequantize(case.x, *x)), *y)
    return case.finish([0, 2, 1], frames * features)


def simple(rng):
    """A power of two: sums and means then meet exact ties, and float computes them without error."""
    return np.float32(2.0 ** int(rng.integers(-6, -1)))


def halves(rng, name, frames, features):
    """The features of two stretches of time."""
    case, x = start(rng, name, 2 * frames, features, [1, features, 2 * frames])
    return case, [cut(case, case.x, 2, 0, frames), cut(case, case.x, 2, frames, 2 * frames)]


def cut(case, value, axis, first, last):
    bounds = [case.constant(np.array([v], np.int64)) for v in (first, last, axis)]
    return case.op("Slice", [value, *bounds])


def relu(rng, case, value):
    kind = pick(rng, "none", "none", "Relu", "Clip")
    if kind == "Clip":
        return case.op("Clip", [value, case.constant(np.float32(0)), case.constant(np.float32(6))])
    return case.op("Relu", [value]) if kind == "Relu" else value


def pair(rng, number):
    """Sums, differences and products, of equal shapes and of one value a channel."""
    frames, features = int(rng.integers(1, 30)), int(rng.integers(2, 33))
    case, (a, b) = halves(rng, f"pair {number}", frames, features)
    if rng.random() < 0.3:
        b = cut(case, b, 2, 0, 1)
    exact = rng.random() < 0.4
    sizes = [simple(rng) if exact else scale(rng) for _ in range(3)]
    kind = pick(rng, "Add", "Add", "Sub", "Mul")
    if kind == "Mul":
        sizes[2] = np.float32(sizes[0] * sizes[1] * (64 if exact else rng.uniform(40, 100)))
    operands = [case.dequantize(value, size, zero_point(rng)) for value, size in zip((a, b), sizes)]
    if rng.random() < 0.3:
        operands.reverse()
    value = relu(rng, case, case.op(kind, operands))
    case.x = case.quantize(value, sizes[2], zero_point(rng))
    return case.finish([0, 2, 1], frames * features)


def pool(rng, number):
    """Means and maxima under windows and over whole axes."""
    frames, width, channels = 1025, 1, 1
    while frames * width * channels > MOST_OUTPUTS / 2:
        frames, width, channels = int(rng.integers(2, 24)), int(rng.integers(1, 9)), pick(rng, 1, 3, 8, 17)
    case, x = image(rng, f"pool {number}", frames, width, channels)
    exact = rng.random() < 0.4
    x = (simple(rng), zero_point(rng)) if exact else x
    y = (simple(rng) if exact else scale(rng), zero_point(rng))
    kind = pick(rng, "AveragePool", "AveragePool", "GlobalAveragePool", "ReduceMean", "MaxPool", "MaxPool int8", "GlobalMaxPool")
    value = case.x if kind == "MaxPool int8" else case.dequantize(case.x, *x)
    rows, columns = 1, 1
    if kind in ("AveragePool", "MaxPool", "MaxPool int8"):
        attributes, rows, columns = pool_window(rng, frames, width, kind == "AveragePool")
        value = case.op(kind.split()[0], [value], **attributes)
    elif kind == "ReduceMean":
        axes, keep = pick(rng, ([2], 1), ([2, 3], 1), ([-1], 1), ([2, 3], 1))
        value = case.op(kind, [value], axes=axes, keepdims=keep)
        rows, columns = (frames if 2 not in axes else 1), (width if axes == [2] else 1)
    else:
        value = case.op(kind, [value])
    case.x = value if kind == "MaxPool int8" else case.quantize(relu(rng, case, value), *y)
    return case.finish([0, 2, 3, 1], rows * columns * channels)


def pool_window(rng, frames, width, average):
    while True:
        kernel = [int(rng.integers(1, 1 + min(5, frames))), int(rng.integers(1, 1 + min(4, width)))]
        strides = [int(rng.integers(1, 4)), int(rng.integers(1, 4))]
        pads = [int(rng.integers(0, k)) if rng.random() < 0.4 else 0 for k in kernel + kernel]
        ceil = not average and rng.random() < 0.2 and not any(pads)
        extents = [
            (extent + pads[axis] + pads[axis + 2] - kernel[axis] + (strides[axis] - 1 if ceil else 0)) // strides[axis] + 1
            for axis, extent in enumerate((frames, width))
        ]
        # With ceil_mode a last window must still begin inside.
        inside = [(n - 1) * s < extent for n, s, extent in zip(extents, strides, (frames, width))]
        if min(extents) > 0 and all(inside):
            break
    attributes = {"kernel_shape": kernel, "strides": strides, "pads": pads}
    if ceil:
        attributes["ceil_mode"] = 1
    if average and rng.random() < 0.5:
        attributes["count_include_pad"] = 1
    return attributes, *extents


def moving(rng, number):
    """Concatenations, slices, paddings and changes of axes."""
    frames, features = int(rng.integers(2, 15)), 2 * int(rng.integers(1, 16))
    kind = pick(rng, "channels", "time", "requantised", "slice", "pad", "axes")
    name = f"{kind} {number}"
    if kind in ("channels", "time", "requantised"):
        case, parts = halves(rng, name, frames, features)
        axis = 2 if kind == "time" else 1
        if kind == "requantised":
            y = (scale(rng), zero_point(rng))
            parts = [case.dequantize(part, scale(rng), zero_point(rng)) for part in parts]
            case.x = case.quantize(case.op("Concat", parts, axis=axis), *y)
        else:
            case.x = case.op("Concat", parts, axis=axis)
        return case.finish([0, 2, 1], 2 * frames * features)
    if kind == "slice":
        case, x = start(rng, name, frames, features, [1, features, frames])
        first = int(rng.integers(0, features - 1))
        case.x = cut(case, case.x, -2, first, features)
        case.x = cut(case, case.x, 2, -frames + 1, 2**31 - 1)
        return case.finish([0, 2, 1], (features - first) * (frames - 1))
    if kind == "pad":
        case, x = start(rng, name, frames, features, [1, features, frames])
        before, after = int(rng.integers(0, 3)), int(rng.integers(0, 3))
        pads = case.constant(np.array([0, 0, before, 0, 0, after], np.int64))
        case.x = case.op("Pad", [case.x, pads, case.constant(np.int8(x[1]))])
        w_scale = weight_scale(rng, 5)
        y = (output_scale(x[0], w_scale, 2 * features), zero_point(rng))
        # The kernel is wider than the padding, as the engine asks.
        case.conv(weights(rng, 5, features, 3), x, w_scale, y, pads=[0, 0]) if frames + before + after >= 3 else None
        return case.finish([0, 2, 1], 5 * (frames + before + after - 2))
    case, x = start(rng, name, frames, features, [1, features, frames])
    case.x = case.op("Unsqueeze", [case.x, case.constant(np.array([2], np.int64))])
    case.x = case.op("Transpose", [case.x], perm=[0, 3, 2, 1])
    case.x = case.op("Reshape", [case.x, case.constant(np.array([1, frames, 2, features // 2], np.int64))])
    case.x = case.quantize(case.op("Relu", [case.dequantize(case.x, *x)]), scale(rng), zero_point(rng))
    return case.finish([0, 1, 2, 3], frames * features)


def network(rng, number):
    """A whole network: a stem, blocks with residuals, a pool, a product."""
    frames, features = int(rng.integers(24, 60)), pick(rng, 8, 10, 16)
    case, x = start(rng, f"network {number}", frames, features, [1, features, frames])
    channels = pick(rng, 8, 12, 16)
    x, extent = layer(rng, case, x, features, channels, 3, pick(rng, 1, 2), 1, frames)
    for _ in range(int(rng.integers(1, 4))):
        skip, skip_quant = case.x, x
        x, _ = layer(rng, case, x, channels, channels, 3, 1, channels, extent, pads=[1, 1])
        x, _ = layer(rng, case, x, channels, channels, 1, 1, 1, extent)
        y = (np.float32(x[0] + skip_quant[0]), -128)
        total = case.op("Add", [case.dequantize(case.x, *x), case.dequantize(skip, *skip_quant)])
        case.x, x = case.quantize(total, *y), y
        if rng.random() < 0.5:
            y = (np.float32(float(x[0]) * rng.uniform(0.3, 1)), zero_point(rng))
            case.x, x = case.quantize(case.op(pick(rng, "Tanh", "Relu", "Sigmoid"), [case.dequantize(case.x, *x)]), *y), y
    y = (np.float32(x[0] / 2), zero_point(rng))
    case.x = case.quantize(case.op("GlobalAveragePool", [case.dequantize(case.x, *x)]), *y)
    case.x = case.op("Flatten", [case.x], axis=1)
    outputs = int(rng.integers(2, 13))
    w_scale = weight_scale(rng, outputs)
    case.matmul(weights(rng, channels, outputs), y, w_scale, (output_scale(y[0], w_scale, channels), zero_point(rng)))
    return case.finish([0, 1], outputs)


def layer(rng, case, x, inputs, outputs, kernel, stride, groups, extent, pads=(0, 0)):
    w_scale = weight_scale(rng, outputs)
    depth = kernel * inputs // groups
    y = (output_scale(x[0], w_scale, depth), zero_point(rng))
    case.conv(
        weights(rng, outputs, inputs // groups, kernel), x, w_scale, y, bias(rng, outputs, depth),
        strides=[stride], group=groups, pads=list(pads),
    )
    return y, (extent + sum(pads) - kernel) // stride + 1


# Family: function, networks in the sample, networks in the full run, windows in the sample.
FAMILIES = {
    "convolution_1d": (convolution_1d, 60, 2000, 7),
    "convolution_2d": (convolution_2d, 60, 2000, 7),
    "product": (product, 30, 1000, 5),
    "lookup": (lookup, 40, 1000, 2),
    "pair": (pair, 40, 1000, 3),
    "pool": (pool, 50, 1500, 3),
    "moving": (moving, 24, 600, 1),
    "network": (network, 24, 2000, 8),
    "convolution_ties": (convolution_ties, 30, 1000, 7),
    "qdq": (quantised("qdq"), 30, 1500, 4),
    "fake_quantised": (quantised("fake_quantised"), 10, 500, 4),
    "qoperator": (quantised("qoperator"), 30, 1500, 4),
}
