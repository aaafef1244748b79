"""One step of an MMDiT in PyTorch, and its matrix products alone: the other side of `./farm bench engine`.

Started by the benchmark with the checkpoint and the number of threads; optional, needs python3 with torch. Weights are
decoded to float32 once. Each line on standard input is a request, each on standard output its answer:
  {"do": "step" | "products", "rows": 2, "repeats": 10}  ->  {"ms": [...]}
  {"do": "velocity", "rows": 2}                          ->  {"velocity": [...]}
A request has `inputs` as well, the folder with latent.f32, timestep.f32, context.f32 and pooled.f32 of one row each,
which every row repeats.

Written from the architecture of Stable Diffusion 3.5 (joint blocks, adaLN, RMS-normalised queries and keys); covers
what the demo checkpoint has: no second attention, no skipped layers.
"""

import json
import math
import struct
import sys
import time

import torch
from torch.nn.functional import gelu, layer_norm, linear, silu

HEAD_WIDTH = 64
EPSILON = 1e-6
PREFIX = "model.diffusion_model."


def decode_float8(codes):
    """Decodes F8_E4M3 by table, so that PyTorch before 2.1 will do: sign, 4 bits of exponent (bias 7), 3 of mantissa."""
    values = []
    for code in range(256):
        exponent, mantissa = (code >> 3) & 15, code & 7
        size = mantissa / 8 * 2.0**-6 if exponent == 0 else (1 + mantissa / 8) * 2.0 ** (exponent - 7)
        size = math.nan if code & 127 == 127 else size
        values.append(-size if code & 128 else size)
    return torch.tensor(values)[codes.long()]


def read_weights(path):
    """The diffusion model's weights as float32, scales applied."""
    with open(path, "rb") as file:
        data = file.read()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    tensors = {}
    for name, info in header.items():
        if not name.startswith(PREFIX):
            continue
        begin, end = (8 + length + offset for offset in info["data_offsets"])
        raw = torch.frombuffer(bytearray(data[begin:end]), dtype=torch.uint8) if end > begin else torch.empty(0)
        if info["dtype"] == "F8_E4M3":
            value = decode_float8(raw)
        else:
            value = raw.view({"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}[info["dtype"]])
        tensors[name[len(PREFIX) :]] = value.float().reshape(info["shape"])
    for name in [name for name in tensors if name.endswith((".scale_weight", ".weight_scale"))]:
        tensors[name.rsplit(".", 1)[0] + ".weight"] *= tensors.pop(name)
    return tensors


def attend(query, key, value):
    """[rows, heads, tokens, 64] each."""
    fused = getattr(torch.nn.functional, "scaled_dot_product_attention", None)
    if fused is not None:
        return fused(query, key, value)
    scores = query @ key.transpose(-1, -2) / math.sqrt(HEAD_WIDTH)
    return scores.softmax(-1) @ value


class Mmdit:
    def __init__(self, weights):
        self.weights = weights
        self.hidden = weights["x_embedder.proj.weight"].shape[0]
        self.depth = sum(name.endswith(".x_block.attn.qkv.weight") for name in weights)
        if any(".attn2." in name for name in weights):
            raise SystemExit("Cannot run the checkpoint: it has a second attention")
        self.linears = None  # while a list, linear() notes what it multiplies
        self.attentions = None

    def linear(self, name, x):
        weight, bias = self.weights[name + ".weight"], self.weights.get(name + ".bias")
        if self.linears is not None:
            self.linears.append((x.reshape(-1, x.shape[-1]).contiguous(), weight))
        return linear(x, weight, bias)

    def norm(self, x, shift, scale):
        return layer_norm(x, (self.hidden,), eps=EPSILON) * (1 + scale) + shift

    def project(self, name, x):
        """Queries, keys and values: [rows, tokens, heads, 64] each."""
        parts = self.linear(name + ".qkv", x).unflatten(-1, (3, -1, HEAD_WIDTH)).unbind(2)
        query, key = (self.norm_heads(f"{name}.ln_{which}.weight", part) for which, part in zip("qk", parts))
        return query, key, parts[2]

    def norm_heads(self, name, x):
        weight = self.weights.get(name)
        return x if weight is None else x * torch.rsqrt(x.square().mean(-1, keepdim=True) + EPSILON) * weight

    def embed(self, name, x):
        return self.linear(name + ".mlp.2", silu(self.linear(name + ".mlp.0", x)))

    def finish(self, name, x, attended, by):
        x = x + by[2] * self.linear(name + ".attn.proj", attended)
        wide = gelu(self.linear(name + ".mlp.fc1", self.norm(x, by[3], by[4])), approximate="tanh")
        return x + by[5] * self.linear(name + ".mlp.fc2", wide)

    def block(self, index, context, x, condition):
        last = index == self.depth - 1
        names = [f"joint_blocks.{index}.{stream}_block" for stream in ("context", "x")]
        bys = [
            self.linear(name + ".adaLN_modulation.1", condition).unsqueeze(1).chunk(2 if last and i == 0 else 6, -1)
            for i, name in enumerate(names)
        ]
        projected = [
            self.project(name + ".attn", self.norm(stream, by[0], by[1]))
            for name, stream, by in zip(names, (context, x), bys)
        ]
        query, key, value = (torch.cat(pair, 1).transpose(1, 2) for pair in zip(*projected))
        if self.attentions is not None:
            self.attentions.append((query.contiguous(), key.contiguous(), value.contiguous()))
        attended = attend(query, key, value).transpose(1, 2).flatten(2)
        tokens = context.shape[1]
        if not last:
            context = self.finish(names[0], context, attended[:, :tokens], bys[0])
        return context, self.finish(names[1], x, attended[:, tokens:], bys[1])

    def velocity(self, latent, timestep, context, pooled):
        """latent [rows, 16, height, width] -> the same shape."""
        w = self.weights
        x = torch.conv2d(latent, w["x_embedder.proj.weight"], w["x_embedder.proj.bias"], stride=2)
        height, width = x.shape[2:]
        side = math.isqrt(w["pos_embed"].shape[1])
        top, left = (side - height) // 2, (side - width) // 2
        table = w["pos_embed"].reshape(side, side, -1)[top : top + height, left : left + width]
        x = x.flatten(2).transpose(1, 2) + table.reshape(1, height * width, -1)
        frequencies = torch.exp(-math.log(10000) * torch.arange(128) / 128)
        angles = timestep[:, None] * frequencies
        waves = torch.cat([angles.cos(), angles.sin()], -1)
        condition = silu(self.embed("t_embedder", waves) + self.embed("y_embedder", pooled))
        context = self.linear("context_embedder", context)
        for index in range(self.depth):
            context, x = self.block(index, context, x, condition)
        shift, scale = self.linear("final_layer.adaLN_modulation.1", condition).unsqueeze(1).chunk(2, -1)
        x = self.linear("final_layer.linear", self.norm(x, shift, scale))
        x = x.reshape(-1, height, width, 2, 2, 16).permute(0, 5, 1, 3, 2, 4)
        return x.reshape(latent.shape)

    def products(self, inputs):
        """A function that computes the matrix products of a step and nothing else."""
        self.linears, self.attentions = [], []
        self.velocity(*inputs)
        linears, attentions = self.linears, self.attentions
        self.linears = self.attentions = None
        pairs = [(x, weight.t()) for x, weight in linears]
        for query, key, value in attentions:
            keys = key.transpose(-1, -2)
            pairs += [(query, keys), ((query @ keys).contiguous(), value)]

        def multiply():
            for a, b in pairs:
                torch.matmul(a, b)

        return multiply


def read_inputs(folder, rows):
    def read(name, shape):
        with open(f"{folder}/{name}.f32", "rb") as file:
            values = torch.frombuffer(bytearray(file.read()), dtype=torch.float32)
        return values.reshape(1, *shape).repeat(rows, *(1 for _ in shape))

    side = json.load(open(f"{folder}/shapes.json"))
    return [read(name, side[name]) for name in ("latent", "timestep", "context", "pooled")]


def time_calls(call, repeats):
    call()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        call()
        times.append((time.perf_counter() - started) * 1000)
    return times


def main():
    torch.set_num_threads(int(sys.argv[2]))
    model = Mmdit(read_weights(sys.argv[1]))
    print(json.dumps({"torch": torch.__version__, "threads": torch.get_num_threads()}), flush=True)
    with torch.inference_mode():
        for line in sys.stdin:
            request = json.loads(line)
            inputs = read_inputs(request["inputs"], request["rows"])
            inputs[1] = inputs[1].reshape(-1)
            if request["do"] == "velocity":
                answer = {"velocity": model.velocity(*inputs).flatten().tolist()}
            else:
                call = model.products(inputs) if request["do"] == "products" else lambda: model.velocity(*inputs)
                answer = {"ms": time_calls(call, request["repeats"])}
            print(json.dumps(answer), flush=True)


main()
