import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { runCommand } from "@latentfarm/engine";
import { createMetrics } from "@latentfarm/telemetry";
import { describe, expect, it, vi } from "vitest";
import { tellGpus } from "./tell-gpus.js";

const told = (text: string) => text.split("\n").filter((line) => line.startsWith("farm_gpu"));

describe("tellGpus()", () => {
  it("reads what nvidia-smi on the path prints, and leaves out what a GPU does not have", async () => {
    const folder = await mkdtemp(join(tmpdir(), "latentfarm-smi-"));
    const script = join(folder, "nvidia-smi");
    await writeFile(
      script,
      '#!/bin/sh\ncase "$*" in *--format=csv,noheader,nounits*) ;; *) exit 1;; esac\necho "0, 87, 18011, 23034, 71.52, 64"\necho "1, 0, 1, 23034, [N/A], 31"\n',
    );
    await chmod(script, 0o755);
    vi.stubEnv("PATH", `${folder}${delimiter}${process.env.PATH}`);
    try {
      const metrics = createMetrics("worker");
      tellGpus(metrics, runCommand);
      expect(told(await metrics.text())).toEqual([
        'farm_gpu_busy_ratio{gpu="0"} 0.87',
        'farm_gpu_busy_ratio{gpu="1"} 0',
        `farm_gpu_memory_bytes{gpu="0"} ${18011 * 1024 ** 2}`,
        `farm_gpu_memory_bytes{gpu="1"} ${1024 ** 2}`,
        `farm_gpu_memory_max_bytes{gpu="0"} ${23034 * 1024 ** 2}`,
        `farm_gpu_memory_max_bytes{gpu="1"} ${23034 * 1024 ** 2}`,
        'farm_gpu_power_watts{gpu="0"} 71.52',
        'farm_gpu_temperature_celsius{gpu="0"} 64',
        'farm_gpu_temperature_celsius{gpu="1"} 31',
      ]);
    } finally {
      vi.unstubAllEnvs();
      await rm(folder, { recursive: true });
    }
  });

  it("asks a machine without it once", async () => {
    const metrics = createMetrics("worker");
    let asked = 0;
    tellGpus(metrics, async () => void asked++);
    expect(told(await metrics.text())).toEqual([]);
    await metrics.text();
    expect(asked).toBe(1);
  });

  it("does not wait for one that hangs, nor start a second", async () => {
    const metrics = createMetrics("worker");
    let asked = 0;
    let answer: (text: string) => void = () => undefined;
    const run = () => {
      asked++;
      return new Promise<string>((resolve) => {
        answer = resolve;
      });
    };
    tellGpus(metrics, run, 1);
    expect(told(await metrics.text())).toEqual([]);
    await metrics.text();
    expect(asked).toBe(1);
    answer("0, 5, 1, 2, 3, 4\n");
    await new Promise((resolve) => setImmediate(resolve));
    const next = metrics.text();
    answer("0, 6, 1, 2, 3, 4\n");
    expect(told(await next)).toContain('farm_gpu_busy_ratio{gpu="0"} 0.06');
  });
});
