import { shortened } from "../failure.ts";

/** What a run could not use: files that debug information refers to, names, and numbers; with what is lost by that. */
export class MissingFiles {
  readonly #problems = new Map<string, Map<string, string>>();

  /**
   * @param file the file, or the name of the symbol
   * @param problem with the file's path: `lib/sort.dwo is missing`
   * @param loss what is unknown without it
   */
  add(file: string, problem: string, loss: string): void {
    const files = this.#problems.get(loss) ?? new Map<string, string>();
    this.#problems.set(loss, files.set(file, shortened(problem)));
  }

  addAll(others: MissingFiles): void {
    for (const [loss, files] of others.#problems)
      for (const [file, problem] of files) this.add(file, problem, loss);
  }

  /** One line for each loss: the first file's problem, the number of other files, and the loss. */
  lines(): string[] {
    return Array.from(this.#problems, ([loss, files]) => {
      const [first] = files.values();
      const others = files.size === 1 ? "" : `, and ${files.size - 1} more`;
      return `${first}${others}; ${loss}`;
    });
  }
}
