/** An object's properties that are not undefined, so that they can replace defaults: an undefined option means the default. */
export function definedProperties<T extends object>(given: T): Partial<T> {
  // The same properties with the same values, some left out.
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Partial<T>;
}
