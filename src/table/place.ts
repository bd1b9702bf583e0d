/** A place in the source as `path:line`, or the path where no line is known. */
export function formatPlace(file: string, line: number | null): string {
  return line === null ? file : `${file}:${line}`;
}
