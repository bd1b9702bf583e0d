// Runs many inputs on several processes, keeps and minimises those that fail, and continues where an earlier process ended.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Input, type InputPlan, makeInput, readSeeds } from "./inputs.ts";
import { minimise } from "./minimise.ts";
import { storedInput, withSeeds } from "./stored-input.ts";
import type { Answer } from "./worker.ts";
import { WorkerProcess } from "./worker-process.ts";

export interface CampaignOptions {
  readonly seed: string;
  /** 20,000 by default; an earlier process may have had another number. */
  readonly inputs?: number | undefined;
  readonly kinds: readonly string[];
  readonly workers: number;
  /** The most time for this process, in seconds. */
  readonly seconds: number;
  readonly bundle: string;
  readonly seeds: string;
  /** The directory of the state and of the failing inputs. */
  readonly state: string;
  /** A directory for temporary files. */
  readonly temporary: string;
  /** The least processor time after which an input hangs, in seconds. */
  readonly patience: number;
  readonly isStopped: () => boolean;
  /** Takes the state from time to time. */
  readonly report: (state: CampaignState) => void;
}

export interface Finding {
  readonly fault: string;
  readonly index: number;
  /** The path of the stored input. */
  readonly path: string;
  /** Whether a new process fails too. Otherwise the fault is one of the campaign, or of the machine. */
  repeats: boolean;
  /** The number of inputs that fail so. */
  count: number;
}

/** What is kept between two processes. */
export interface CampaignState {
  readonly seed: string;
  readonly inputs: number;
  readonly kinds: readonly string[];
  /** The first input of the next block. */
  next: number;
  /** The first inputs of blocks that were not finished. */
  unfinished: number[];
  /** The number of inputs by kind, and by exit status. */
  counts: Record<string, Record<string, number>>;
  /** The time of all runs, in seconds. */
  seconds: number;
  /** In milliseconds, and which input it is. */
  slowest: number;
  slowestIndex: number;
  /** In bytes. */
  largest: number;
  findings: Record<string, Finding>;
}

/** The number of inputs after which the state is saved. */
const BLOCK = 100;
/** The number of intact inputs that show how long a run takes. */
const INTACT = 60;
const PATIENCE_FACTOR = 10;
/** For how many inputs that hang there is time to make one smaller. */
const MINIMISING = 20;

/** Where a campaign's state is in its directory. */
export const STATE_FILE = "state.json";

export async function runCampaign(options: CampaignOptions): Promise<CampaignState> {
  const { seed, inputs, kinds, workers, state: directory } = options;
  mkdirSync(directory, { recursive: true });
  const seeds = readSeeds(options.seeds);
  const state: CampaignState = {
    ...EMPTY,
    ...{ counts: {}, findings: {}, unfinished: [], seed, kinds },
    ...savedState(directory),
    ...(inputs === undefined ? {} : { inputs }),
  };
  const running = new Set<number>();
  const begin = Date.now();
  const secondsBefore = state.seconds;

  const save = () => {
    state.seconds = secondsBefore + (Date.now() - begin) / 1000;
    const text = JSON.stringify({ ...state, unfinished: [...state.unfinished, ...running] }, undefined, 1);
    writeFileSync(join(directory, `${STATE_FILE}.new`), text);
    renameSync(join(directory, `${STATE_FILE}.new`), join(directory, STATE_FILE));
  };
  const isOver = () => options.isStopped() || Date.now() - begin > 1000 * options.seconds;
  const nextBlock = () => {
    const block = state.unfinished.shift() ?? state.next;
    if (block === state.next) state.next += BLOCK;
    return block;
  };
  const patience = await measuredPatience(options);

  const work = async () => {
    const worker = new WorkerProcess({ ...options, directory: options.temporary, patience });
    try {
      while (!isOver() && (state.unfinished.length > 0 || state.next < state.inputs)) {
        const block = nextBlock();
        running.add(block);
        const answers: Answer[] = [];
        for (let index = block; index < Math.min(block + BLOCK, state.inputs) && !isOver(); index++) {
          const plan = { seed, index, kinds: state.kinds };
          const answer = await worker.ask({ plan });
          const kind = answer.kind || makeInput(seeds, plan).kind;
          answers.push({ ...answer, kind });
          if (answer.fault !== undefined) await keep(plan, answer.fault, worker);
        }
        // Those of an unfinished block are made again.
        if (isOver() && answers.length < BLOCK) continue;
        running.delete(block);
        answers.forEach((answer, i) => {
          if (answer.time > state.slowest) [state.slowest, state.slowestIndex] = [answer.time, block + i];
          count(state, answer);
        });
        save();
        options.report(state);
      }
    } finally {
      worker.stop();
    }
  };

  const keep = async (plan: InputPlan, fault: string, worker: WorkerProcess) => {
    const known = state.findings[signature(fault)];
    if (known !== undefined) {
      known.count++;
      return;
    }
    const path = join(directory, `fault-${Object.keys(state.findings).length + 1}.json`);
    const fails = async (input: Input) => {
      const answer = await worker.ask({ stored: storedInput(input) });
      return answer.fault !== undefined && signature(answer.fault) === signature(fault);
    };
    const finding: Finding = { fault, index: plan.index, path, repeats: false, count: 1 };
    state.findings[signature(fault)] = finding;
    worker.stop();
    const first = makeInput(seeds, plan);
    const repeats = await fails(first);
    const smallest = repeats ? await minimise(seeds, plan, MINIMISING * patience, fails) : first;
    finding.repeats = repeats;
    const stored = storedInput(withSeeds(smallest, options.seeds));
    writeFileSync(path, JSON.stringify({ ...stored, fault, campaign: plan.seed, index: plan.index }));
  };

  await Promise.all(Array.from({ length: workers }, work));
  save();
  return state;
}

const EMPTY = { inputs: 20_000, next: 0, seconds: 0, slowest: 0, slowestIndex: 0, largest: 0 };

function savedState(directory: string): Partial<CampaignState> {
  const path = join(directory, STATE_FILE);
  return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : {};
}

/** Ten times as long as the slowest intact input takes. */
async function measuredPatience({
  seed,
  kinds,
  temporary,
  patience,
  ...options
}: CampaignOptions): Promise<number> {
  const worker = new WorkerProcess({ ...options, directory: temporary, patience: 60 });
  let slowest = 0;
  for (let index = 0; index < INTACT; index++) {
    const { time } = await worker.ask({ plan: { seed, index, kinds, isIntact: true } });
    slowest = Math.max(slowest, time / 1000);
  }
  worker.stop();
  return Math.max(patience, PATIENCE_FACTOR * slowest);
}

function count(state: CampaignState, { kind, status, memory }: Answer): void {
  const ofKind = state.counts[kind] ?? {};
  state.counts[kind] = ofKind;
  ofKind[status] = (ofKind[status] ?? 0) + 1;
  state.largest = Math.max(state.largest, memory);
}

/** What two inputs with the same fault have in common. */
function signature(fault: string): string {
  return fault.replace(/(?<![:\w])(0x)?[0-9a-f]*\d[0-9a-f]*/g, "#").slice(0, 200);
}
