import type { TensorList } from "./tensor-list.js";

/** Channels of each level, finest first. Source: Stability-AI/sd3.5 `sd3_impls.py`, `ch=128, ch_mult=(1, 2, 4, 4)`. */
const LEVEL_CHANNELS = [128, 256, 512, 512] as const;

const COARSEST_CHANNELS = 512;
const FINEST_CHANNELS = 128;

/** Residual blocks of a level. The decoder has one more. Source: the same, `num_res_blocks=2`. */
const ENCODER_BLOCKS = 2;
const DECODER_BLOCKS = 3;

const LATENT_CHANNELS = 16;
const IMAGE_CHANNELS = 3;

/** Lists the tensors of the SD3 VAE, both halves. */
export function listVae(list: TensorList): void {
  listEncoder(list.in("encoder"));
  listDecoder(list.in("decoder"));
}

function listEncoder(list: TensorList): void {
  list.conv("conv_in", { out: FINEST_CHANNELS, inputs: IMAGE_CHANNELS, size: 3 });
  let inputs: number = FINEST_CHANNELS;
  for (const [level, out] of LEVEL_CHANNELS.entries()) {
    const down = list.in("down").in(level);
    for (let block = 0; block < ENCODER_BLOCKS; block++) {
      listResidual(down.in("block").in(block), inputs, out);
      inputs = out;
    }
    if (level < LEVEL_CHANNELS.length - 1) down.conv("downsample.conv", { out, inputs: out, size: 3 });
  }
  listMiddle(list.in("mid"));
  list.norm("norm_out", COARSEST_CHANNELS);
  list.conv("conv_out", { out: 2 * LATENT_CHANNELS, inputs: COARSEST_CHANNELS, size: 3 });
}

function listDecoder(list: TensorList): void {
  list.conv("conv_in", { out: COARSEST_CHANNELS, inputs: LATENT_CHANNELS, size: 3 });
  listMiddle(list.in("mid"));
  let inputs: number = COARSEST_CHANNELS;
  for (const [level, out] of [...LEVEL_CHANNELS.entries()].reverse()) {
    const up = list.in("up").in(level);
    for (let block = 0; block < DECODER_BLOCKS; block++) {
      listResidual(up.in("block").in(block), inputs, out);
      inputs = out;
    }
    if (level > 0) up.conv("upsample.conv", { out, inputs: out, size: 3 });
  }
  list.norm("norm_out", FINEST_CHANNELS);
  list.conv("conv_out", { out: IMAGE_CHANNELS, inputs: FINEST_CHANNELS, size: 3 });
}

function listMiddle(list: TensorList): void {
  const channels = COARSEST_CHANNELS;
  listResidual(list.in("block_1"), channels, channels);
  list.norm("attn_1.norm", channels);
  for (const name of ["q", "k", "v", "proj_out"]) {
    list.conv(`attn_1.${name}`, { out: channels, inputs: channels, size: 1 });
  }
  listResidual(list.in("block_2"), channels, channels);
}

function listResidual(list: TensorList, inputs: number, out: number): void {
  list.norm("norm1", inputs);
  list.conv("conv1", { out, inputs, size: 3 });
  list.norm("norm2", out);
  list.conv("conv2", { out, inputs: out, size: 3 });
  if (inputs !== out) list.conv("nin_shortcut", { out, inputs, size: 1 });
}
