/** The wall-clock seconds that each stage of a run took, in the order in which the stages began. */
export class Stopwatch {
  readonly #seconds = new Map<string, number>();

  /** Runs a stage and adds its time to the stage's sum. */
  async time<T>(stage: string, work: () => T | Promise<T>): Promise<T> {
    const start = performance.now();
    try {
      return await work();
    } finally {
      this.#seconds.set(stage, (this.#seconds.get(stage) ?? 0) + (performance.now() - start) / 1000);
    }
  }

  get seconds(): Record<string, number> {
    return Object.fromEntries([...this.#seconds].map(([stage, s]) => [stage, Number(s.toFixed(6))]));
  }
}
