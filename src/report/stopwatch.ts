/** The wall-clock seconds that each stage of a run took, in the order in which the stages began. */
export class Stopwatch {
  readonly #seconds = new Map<string, number>();

  /** Runs a stage and adds its time to the stage's sum. */
  async time<T>(stage: string, work: () => T | Promise<T>): Promise<T> {
    const start = process.hrtime.bigint();
    try {
      return await work();
    } finally {
      const seconds = Number(process.hrtime.bigint() - start) / 1e9;
      this.#seconds.set(stage, (this.#seconds.get(stage) ?? 0) + seconds);
    }
  }

  get seconds(): Record<string, number> {
    return Object.fromEntries([...this.#seconds].map(([stage, s]) => [stage, Number(s.toFixed(6))]));
  }
}
