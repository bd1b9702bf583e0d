/**
 * A fault of the input or the environment, told to the user in one line: `<subject>: <problem>; <advice>`.
 *
 * Everything that a user can cause is reported with this class; any other error that reaches the command line
 * is a defect of the program.
 */
export class Failure extends Error {
  readonly #parts: readonly [subject: string, problem: string, advice: string | undefined];

  constructor(subject: string, problem: string, advice?: string) {
    const text = `${subject}: ${problem}${advice === undefined ? "" : `; ${advice}`}`;
    // One line, whatever a damaged file has put into a name.
    super(text.replace(/\p{Cc}+/gu, " "));
    this.name = "Failure";
    this.#parts = [subject, problem, advice];
  }

  /** The same failure with one more thing to try. */
  orElse(alternative: string): Failure {
    const [subject, problem, advice] = this.#parts;
    return new Failure(subject, problem, advice === undefined ? alternative : `${advice}, or ${alternative}`);
  }
}

/** The system's own words for an error of Node's file and process functions: `no space left on device`. */
export function systemMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const words = /^[A-Z0-9]+: ([^,]+)/.exec(error.message);
  return words?.[1] ?? error.message;
}

/** @param ifMissing the advice when there is no such file */
export function cannotRead(path: string, error: unknown, ifMissing = "check the path"): Failure {
  const isMissing = ["ENOENT", "ENOTDIR"].includes(errorCode(error) ?? "");
  const advice = isMissing ? ifMissing : "check its permissions";
  return new Failure(path, `cannot be read: ${systemMessage(error)}`, advice);
}

/** The errno name of a system error (`ENOENT`), or undefined for any other. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}
