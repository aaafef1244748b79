import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";

/** Milliseconds that one call may take: the longest, a fleet's start, takes some 20 s. */
const CALL_MS_MAX = 180_000;

/** What a role can be asked: each call takes one value and gives one, both plain data. */
export type Calls = Readonly<Record<string, (input: never) => Promise<unknown>>>;

/** A part of a benchmark in a process of its own: load must not share an event loop with what it measures. */
export interface RoleProcess<C extends Calls> extends AsyncDisposable {
  readonly pid: number;
  /** Asks it; rejects with its failure, its end, or after some minutes of silence. */
  call<N extends keyof C & string>(name: N, input: Parameters<C[N]>[0]): Promise<Awaited<ReturnType<C[N]>>>;
}

interface Question {
  readonly id: number;
  readonly name: string;
  readonly input: unknown;
}

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly failure?: string;
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** Starts this program again with `--role NAME`; it must then call {@link answerCalls}. Dispose it to end it. */
export function startRole<C extends Calls>(name: string): RoleProcess<C> {
  const child = fork(process.argv[1] ?? "", ["--role", name], { execArgv: [], serialization: "advanced" });
  const waiting = new Map<number, Waiting>();
  child.on("message", ({ id, value, failure }: Answer) => {
    const asked = waiting.get(id);
    waiting.delete(id);
    if (failure === undefined) asked?.resolve(value);
    else asked?.reject(new Error(failure));
  });
  child.once("exit", (code, signal) => {
    for (const { reject } of waiting.values()) {
      reject(new Error(`Cannot go on without ${name}: it ended with ${signal ?? code}`));
    }
  });
  let calls = 0;
  const ask = async (call: string, input: unknown): Promise<unknown> => {
    const id = calls++;
    let timer: NodeJS.Timeout | undefined;
    const answer = new Promise<unknown>((resolve, reject) => {
      waiting.set(id, { resolve, reject });
      const late = new Error(`Cannot go on: ${name} has not answered ${call} for ${CALL_MS_MAX} ms`);
      timer = setTimeout(() => reject(late), CALL_MS_MAX);
      child.send({ id, name: call, input } satisfies Question);
    });
    return answer.finally(() => clearTimeout(timer));
  };
  return {
    pid: child.pid ?? 0,
    // The pipe carries data without its types; both ends are this one program.
    call: (call, input) => ask(call, input) as never,
    [Symbol.asyncDispose]: () => endChild(child),
  };
}

/** The other side: answers until the parent process lets go. */
export async function answerCalls(calls: Calls): Promise<void> {
  const known = new Map(Object.entries(calls));
  process.on("message", async ({ id, name, input }: Question) => {
    process.send?.(await answer(known.get(name), { id, name, input }));
  });
  await once(process, "disconnect");
  process.exit();
}

async function answer(call: Calls[string] | undefined, { id, name, input }: Question): Promise<Answer> {
  if (call === undefined) return { id, failure: `Cannot answer: call ${name} is unknown` };
  try {
    // The types of both ends are checked where the call is written.
    return { id, value: await call(input as never) };
  } catch (error) {
    return { id, failure: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  if (child.connected) child.disconnect();
  await exited;
}
