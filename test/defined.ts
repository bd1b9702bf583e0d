/** A value that must be there: undefined and null fail the test with an error that names what is missing. */
export function defined<T>(value: T, what: string): NonNullable<T> {
  if (value === undefined || value === null) throw new Error(`missing: ${what}`);
  return value;
}
