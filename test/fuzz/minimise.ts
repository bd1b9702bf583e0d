// Makes a failing input small: fewer changes, then fewer changed bytes, or fewer lines of a text.
import { type Input, type InputPlan, makeInput, type Seeds } from "./inputs.ts";

/** Whether an input still fails as the first one did. */
export type Fails = (input: Input) => Promise<boolean>;

/** The most runs for one input. */
const MOST_RUNS = 300;

/** @param time the most time, in seconds: an input that hangs takes long */
export async function minimise(seeds: Seeds, plan: InputPlan, time: number, fails: Fails): Promise<Input> {
  let runs = 0;
  const begin = Date.now();
  const isEnough = () => ++runs > MOST_RUNS || Date.now() - begin > 1000 * time;
  const stillFails: Fails = async (input) => !isEnough() && (await fails(input));

  const { changes } = makeInput(seeds, plan);
  let without: number[] = [];
  for (let change = 0; change < changes; change++) {
    const fewer = [...without, change];
    if (await stillFails(makeInput(seeds, { ...plan, without: fewer }))) without = fewer;
  }
  const input = makeInput(seeds, { ...plan, without });

  const { changed, intact, files } = input;
  const bytes = files[changed] ?? intact;
  const withBytes = (made: Buffer): Input => ({ ...input, files: { ...files, [changed]: made } });
  if (intact.includes(0)) {
    const different = Array.from(bytes.keys()).filter((at) => at < intact.length && bytes[at] !== intact[at]);
    const make = (kept: readonly number[]) => {
      const made = Buffer.concat([intact.subarray(0, bytes.length), bytes.subarray(intact.length)]);
      for (const at of kept) made[at] = bytes[at] ?? 0;
      return withBytes(made);
    };
    return make(await fewest(different, (kept) => stillFails(make(kept))));
  }
  const lines = bytes.toString("latin1").split(/(?<=\n)/);
  const make = (kept: readonly string[]) => withBytes(Buffer.from(kept.join(""), "latin1"));
  return make(await fewest(lines, (kept) => stillFails(make(kept))));
}

/** Leaves out parts, large ones first, as long as the test holds (delta debugging). */
export async function fewest<T>(
  items: readonly T[],
  holds: (kept: readonly T[]) => Promise<boolean>,
): Promise<readonly T[]> {
  let kept = items;
  for (let size = Math.ceil(items.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let start = 0; start < kept.length; ) {
      const fewer = kept.toSpliced(start, size);
      if (await holds(fewer)) kept = fewer;
      else start += size;
    }
  }
  return kept;
}
