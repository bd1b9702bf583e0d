// The exit statuses; docs/exit-status.md explains them.
import type { Failure } from "../failure.ts";

/** The input or the environment is at fault. */
const FAILURE_STATUS = 1;
/** The answer is no: different, not found, faulty. */
export const NO_STATUS = 1;
/** Wrong usage, or a question that cannot be answered, as of diff(1). */
export const TROUBLE_STATUS = 2;
/** The shell's status of a process that SIGPIPE ended: 128 + 13. */
export const CLOSED_STDOUT_STATUS = 141;

/**
 * Runs a command's work; the work returns whether standard output stayed open, or the exit status.
 *
 * @param isQuestion whether the command answers yes or no, so that a failure has another exit status than "no"
 */
export type Runner = (work: () => Promise<boolean | number>, isQuestion?: boolean) => Promise<void>;

/** The exit status of a failure. @param isQuestion as for a Runner */
export function failureStatus({ code }: Failure, isQuestion: boolean): number {
  if (code === "WRONG_USAGE") return TROUBLE_STATUS;
  if (!isQuestion) return FAILURE_STATUS;
  return code === "NOT_FOUND" ? NO_STATUS : TROUBLE_STATUS;
}
