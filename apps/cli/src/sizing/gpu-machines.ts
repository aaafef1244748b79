/** A machine with one GPU, as a cloud rents it out. */
export interface GpuMachine {
  readonly gpu: string;
  /** The smallest type of AWS whose memory holds the whole FP8 set beside its process. */
  readonly instance: string;
  readonly vcpus: number;
  /** GiB of the machine's memory. */
  readonly ramGib: number;
  /** GB of the GPU's memory. */
  readonly memoryGb: number;
  /** TFLOP/s of dense float16, by the vendor's sheet. */
  readonly halfTflops: number;
  /** GB/s of the GPU's memory, by the vendor's sheet. */
  readonly bandwidthGbs: number;
  /** Dollars an hour on demand. */
  readonly pricePerHour: number;
}

/** When and where the prices held: they are assumptions, to be replaced by the reader's own. */
export const PRICES_OF = "us-east-1, Linux, as listed publicly in August 2026";

/**
 * The GPUs that the sizing tables name, cheapest first. Source: NVIDIA's data sheets (A10G: AWS's variant, 70 TFLOP/s and
 * not the 125 of the A10); half of the figure where a sheet counts sparsity. None of the farm's code has run on one.
 */
export const GPU_MACHINES: readonly GpuMachine[] = [
  {
    gpu: "L4",
    instance: "g6.2xlarge",
    vcpus: 8,
    ramGib: 32,
    memoryGb: 24,
    halfTflops: 121,
    bandwidthGbs: 300,
    pricePerHour: 0.978,
  },
  {
    gpu: "A10G",
    instance: "g5.2xlarge",
    vcpus: 8,
    ramGib: 32,
    memoryGb: 24,
    halfTflops: 70,
    bandwidthGbs: 600,
    pricePerHour: 1.212,
  },
  {
    gpu: "L40S",
    instance: "g6e.xlarge",
    vcpus: 4,
    ramGib: 32,
    memoryGb: 48,
    halfTflops: 362,
    bandwidthGbs: 864,
    pricePerHour: 1.861,
  },
  {
    gpu: "H100",
    instance: "p5.4xlarge",
    vcpus: 16,
    ramGib: 256,
    memoryGb: 80,
    halfTflops: 989,
    bandwidthGbs: 3_350,
    pricePerHour: 6.88,
  },
];
