/** A place in the source as `path:line`, or the path if the line is unknown. */
export function formatPlace(file: string, line: number | null): string {
  return line === null ? file : `${file}:${line}`;
}
