import { elementScroll, observeElementOffset, observeElementRect, Virtualizer } from "@tanstack/virtual-core";

/** In pixels; page.css says so too. */
const ROW_HEIGHT = 30;
const HEAD_HEIGHT = 36;

/** Rows of which only those in sight are drawn. */
export interface VirtualRows {
  /** Draws so many rows, from the first. */
  show(count: number): void;
  redraw(): void;
  /** Scrolls as far as it takes to see a row. */
  reveal(index: number): void;
  /** How many rows are in sight. */
  visible(): number;
}

export function virtualRows(
  scroller: HTMLElement,
  body: HTMLElement,
  drawRow: (index: number) => HTMLElement,
): VirtualRows {
  const options = (count: number) => ({
    count,
    getScrollElement: () => scroller,
    estimateSize: () => ROW_HEIGHT,
    overscan: 10,
    scrollPaddingStart: HEAD_HEIGHT,
    scrollToFn: elementScroll,
    observeElementRect,
    observeElementOffset,
    onChange: () => redraw(),
  });
  const virtualizer = new Virtualizer<HTMLElement, HTMLElement>(options(0));
  virtualizer._didMount();
  const redraw = () => {
    body.style.height = `${virtualizer.getTotalSize()}px`;
    const drawn = virtualizer.getVirtualItems().map(({ index, start }) => {
      const row = drawRow(index);
      row.style.transform = `translateY(${start}px)`;
      return row;
    });
    body.replaceChildren(...drawn);
  };
  return {
    show(count) {
      virtualizer.setOptions(options(count));
      virtualizer._willUpdate();
      scroller.scrollTop = 0;
      virtualizer.measure();
      redraw();
    },
    redraw,
    reveal(index) {
      // The head covers what is above the rows, so the rows' own area is smaller by it.
      const top = index * ROW_HEIGHT;
      const height = scroller.clientHeight - HEAD_HEIGHT;
      if (top < scroller.scrollTop) scroller.scrollTop = top;
      else if (top + ROW_HEIGHT > scroller.scrollTop + height) scroller.scrollTop = top + ROW_HEIGHT - height;
    },
    visible: () => Math.floor((scroller.clientHeight - HEAD_HEIGHT) / ROW_HEIGHT),
  };
}
