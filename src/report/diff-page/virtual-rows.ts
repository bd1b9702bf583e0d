/** In pixels; page.css has the same value. */
const ROW_HEIGHT = 30;
const HEAD_HEIGHT = 36;

/** Rows drawn above and below the visible ones. */
const OVERSCAN = 10;

/** Firefox lays out no element higher than 17.8 million pixels, Chromium none higher than 33.5 million. */
const MAX_HEIGHT = 15_000_000;

/** Rows of which only the visible ones are drawn. */
export interface VirtualRows {
  /** Draws this many rows, from the first. */
  show(count: number): void;
  redraw(): void;
  /** Scrolls until a row is visible. */
  reveal(index: number): void;
  /** The number of visible rows. */
  visible(): number;
}

/**
 * Draws rows of one height into `body`, which `scroller` scrolls below a header. If the rows together are higher than
 * MAX_HEIGHT, the body has that height, and one pixel of scrolling moves the rows by more than one pixel.
 */
export function virtualRows(
  scroller: HTMLElement,
  body: HTMLElement,
  drawRow: (index: number) => HTMLElement,
): VirtualRows {
  let count = 0;
  let drawn = { first: 0, end: 0, shift: 0 };

  // The header covers the top of the scroller.
  const viewHeight = () => Math.max(0, scroller.clientHeight - HEAD_HEIGHT);
  const height = () => Math.min(count * ROW_HEIGHT, MAX_HEIGHT);
  /** Pixels of rows per pixel of scrolling. */
  const ratio = () =>
    count * ROW_HEIGHT > height() ? (count * ROW_HEIGHT - viewHeight()) / (height() - viewHeight()) : 1;
  /** Pixels of rows above the view. */
  const offset = () => scroller.scrollTop * ratio();

  const wanted = () => ({
    first: Math.max(0, Math.floor(offset() / ROW_HEIGHT) - OVERSCAN),
    end: Math.min(count, Math.ceil((offset() + viewHeight()) / ROW_HEIGHT) + OVERSCAN),
    shift: scroller.scrollTop - offset(),
  });
  const redraw = () => {
    drawn = wanted();
    const { first, end, shift } = drawn;
    const rows = Array.from({ length: Math.max(0, end - first) }, (_, i) => {
      const row = drawRow(first + i);
      row.style.transform = `translateY(${(first + i) * ROW_HEIGHT + shift}px)`;
      return row;
    });
    body.style.height = `${height()}px`;
    body.replaceChildren(...rows);
  };
  const follow = () => {
    const { first, end, shift } = wanted();
    if (first !== drawn.first || end !== drawn.end || shift !== drawn.shift) redraw();
  };
  scroller.addEventListener("scroll", follow, { passive: true });
  new ResizeObserver(follow).observe(scroller);

  return {
    show(wantedCount) {
      count = wantedCount;
      scroller.scrollTop = 0;
      redraw();
    },
    redraw,
    reveal(index) {
      const top = index * ROW_HEIGHT;
      const above = offset();
      if (top < above) scroller.scrollTop = top / ratio();
      else if (top + ROW_HEIGHT > above + viewHeight())
        scroller.scrollTop = (top + ROW_HEIGHT - viewHeight()) / ratio();
      follow();
    },
    visible: () => Math.floor(viewHeight() / ROW_HEIGHT),
  };
}
