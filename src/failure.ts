import { getSystemErrorMap } from "node:util";
import { printable } from "./printable.ts";

/**
 * The cause of a failure, for programs. A code identifies one cause, regardless of the message:
 *
 * - `CANNOT_READ`, `CANNOT_WRITE`: an error of the system, or a file that is missing, a directory or not a regular file
 * - `WRONG_KIND`: an intact file of the wrong kind, such as a relocatable object or an empty listing
 * - `DAMAGED`: a file that is inconsistent or truncated
 * - `UNSUPPORTED`: an intact file with content that this program cannot read
 * - `NO_SYMBOLS`, `NO_DEBUG_INFO`: a file without symbols, or without debug information
 * - `OTHER_BUILD`: files that do not belong together
 * - `NOT_FOUND`, `AMBIGUOUS`: a name of no symbol, or of several
 * - `TOOL_FAILED`: another program that is missing, fails, hangs or gives no usable answer
 * - `NO_MEMORY`: more memory than this program allocates, or than the system provides
 * - `WRONG_USAGE`: arguments that do not fit together
 * - `INCOMPLETE`: some of the work failed, as earlier messages explain
 * - `INTERNAL`: a defect of this program
 */
export type FailureCode =
  | "CANNOT_READ"
  | "CANNOT_WRITE"
  | "WRONG_KIND"
  | "DAMAGED"
  | "UNSUPPORTED"
  | "NO_SYMBOLS"
  | "NO_DEBUG_INFO"
  | "OTHER_BUILD"
  | "NOT_FOUND"
  | "AMBIGUOUS"
  | "TOOL_FAILED"
  | "NO_MEMORY"
  | "WRONG_USAGE"
  | "INCOMPLETE"
  | "INTERNAL";

/**
 * An error in the input or the environment, in one line: `<subject>: <problem>; <advice>`. The subject is the file or program at
 * fault.
 *
 * Everything that a user can cause is reported with this class; any other error that reaches the command line
 * is a defect of the program.
 */
export class Failure extends Error {
  readonly code: FailureCode;
  readonly subject: string;
  readonly problem: string;
  readonly advice: string | undefined;

  constructor(code: FailureCode, subject: string, problem: string, advice?: string) {
    const text = `${shortened(subject) || '""'}: ${shortened(problem)}${advice === undefined ? "" : `; ${shortened(advice)}`}`;
    super(text);
    this.name = "Failure";
    this.code = code;
    this.subject = subject;
    this.problem = problem;
    this.advice = advice;
  }

  /** What is wrong, without the advice. */
  get fact(): string {
    return `${this.subject}: ${this.problem}`;
  }

  /** The same failure with one more alternative in its advice. */
  orElse(alternative: string): Failure {
    const { code, subject, problem, advice } = this;
    if (advice === undefined) return new Failure(code, subject, problem, alternative);
    const comma = / or /.test(advice) ? "," : "";
    return new Failure(code, subject, problem, `${advice}${comma} or ${alternative}`);
  }
}

/** Longest part of a message, in UTF-16 code units: more than a name or path that is not made up (KSYM_NAME_LEN is 512). */
const LONGEST_PART = 1000;

/** A text for a message: one line, even if a damaged file has line feeds in a name, and without its middle if it is very long. */
export function shortened(text: string): string {
  return withoutMiddle(printable(withoutMiddle(text)));
}

function withoutMiddle(text: string): string {
  if (text.length <= LONGEST_PART) return text;
  const half = LONGEST_PART / 2;
  return `${text.slice(0, half)}…${text.slice(-half)}`;
}

/** The failure for a file that is inconsistent or truncated. */
export function damaged(subject: string, problem: string): Failure {
  return new Failure("DAMAGED", subject, problem, "the file is damaged or cut short: copy or build it again");
}

/** The system's message for an error of Node's file and process functions: `no space left on device`. */
export function systemMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (errorCode(error) === "ERR_FS_FILE_TOO_LARGE") return "over 2 GiB";
  const words = /^[A-Z0-9]+: ([^,]+)/.exec(error.message)?.[1];
  if (words !== undefined) return words;
  // For processes that cannot be started, Node gives only the number. zlib's errors have numbers of their own.
  const isSystems = "syscall" in error && "errno" in error && typeof error.errno === "number";
  const number = isSystems ? Number(error.errno) : 0;
  return getSystemErrorMap().get(number)?.[1] ?? error.message;
}

/** @param ifMissing the advice when there is no such file */
export function cannotRead(path: string, error: unknown, ifMissing = "check the path"): Failure {
  const code = errorCode(error) ?? "";
  if (code === "EISDIR") return isDirectory(path);
  const isMissing = ["ENOENT", "ENOTDIR"].includes(code);
  const advice = isMissing ? ifMissing : (faultAdvice(code) ?? "check its permissions");
  return new Failure("CANNOT_READ", path, `cannot be read: ${systemMessage(error)}`, advice);
}

/** What to do about an error that has the same cause whether a file is read or written. */
export function faultAdvice(code: string): string | undefined {
  return FAULT_ADVICE[code];
}

const FAULT_ADVICE: Partial<Record<string, string>> = {
  EMFILE: "raise the limit of open files (ulimit -n)",
  ENFILE: "close other programs: the system's limit of open files is reached",
  ELOOP: "correct its symbolic links, which form a loop",
  ENAMETOOLONG: "give a shorter path",
  ENOMEM: "free some memory",
  EIO: "check the disk",
  ERR_FS_FILE_TOO_LARGE: "give a smaller file",
};

/** The failure for an error that nothing has foreseen: a defect of the program, unless it is one of two faults that can occur anywhere. */
export function unexpectedFailure(error: unknown): Failure {
  if (error instanceof Error && "syscall" in error && error.syscall === "uv_cwd") {
    return new Failure(
      "CANNOT_READ",
      "working directory",
      systemMessage(error),
      "change to a directory that exists",
    );
  }
  if (MEMORY_ERRORS.test(String(error))) {
    return new Failure("NO_MEMORY", "memory", "there is not enough", "free some, or give smaller files");
  }
  const message = (error instanceof Error ? error.message : String(error)).replace(/\s+/g, " ");
  const advice =
    "run it again with KAS_ALIAS_DEBUG=1, and report what it prints with the command and its input";
  return new Failure("INTERNAL", "internal error", message, advice);
}

const MEMORY_ERRORS =
  /Array buffer allocation failed|Cannot create a (string|Buffer)|Invalid string length|ERR_STRING_TOO_LONG|Map maximum size/;

/** The failure for a directory in place of a file. */
export function isDirectory(path: string): Failure {
  return new Failure("CANNOT_READ", path, "is a directory", "name a file");
}

/** The errno name of a system error (`ENOENT`), or undefined for any other. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}
