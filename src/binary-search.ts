/**
 * The first index whose item is not below the searched value, in items sorted so that all items below it come first.
 *
 * @param length the number of items; also the result when all are below
 */
export function lowerBound(length: number, isBelow: (index: number) => boolean): number {
  let from = 0;
  for (let to = length; from < to; ) {
    const middle = (from + to) >>> 1;
    if (isBelow(middle)) from = middle + 1;
    else to = middle;
  }
  return from;
}
