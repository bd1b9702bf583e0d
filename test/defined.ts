/** Returns a value that must exist: undefined and null fail the test with an error that names the missing value. */
export function defined<T>(value: T, what: string): NonNullable<T> {
  if (value === undefined || value === null) throw new Error(`missing: ${what}`);
  return value;
}
