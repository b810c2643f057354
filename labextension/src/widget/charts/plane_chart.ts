/** What charts with two axes have in common. */

import { Legend } from './legend';
import { Plane } from './plane';
import { h, setText, show } from '../dom';

import type { Chart, ChartContext, TableData } from './chart';
import type { Entry } from './legend';
import type { PlaneOptions } from './plane';

const HEIGHT = 280;

/** How the axes of a chart are written. */
type Axes = Pick<PlaneOptions, 'formatX' | 'formatY' | 'xLabel' | 'stepsX'>;

/** A title, a plane with its pointer, a legend, and a sentence where there is nothing. */
export abstract class PlaneChart implements Chart {
  readonly element: HTMLElement;
  abstract readonly options: HTMLElement;
  protected readonly plane: Plane;
  private readonly title = h('div', { class: 'automl-axis-title' });
  private readonly empty = h('div', { class: 'automl-empty', hidden: true });
  private readonly legend: Legend;

  constructor(
    protected readonly context: ChartContext,
    name: string,
    entries: Entry[],
    axes: Axes
  ) {
    this.legend = new Legend(entries);
    this.plane = new Plane({
      ...axes,
      height: HEIGHT,
      theme: context.theme,
      draw: () => this.drawMarks(),
      overlay: (_, layer) => this.drawOverlay(layer),
      point: at => this.point(at),
      press: () => this.press()
    });
    this.element = h(
      'div',
      { class: `automl-${name}` },
      this.title,
      this.plane.element,
      this.empty,
      this.legend.element
    );
  }

  abstract draw(width: number): void;
  abstract describe(): string;
  abstract tables(): TableData[];
  abstract note(): string;

  highlight(): void {
    this.plane.drawOverlay();
  }

  dispose(): void {
    this.plane.dispose();
  }

  /** Draw inside the axes. */
  protected abstract drawMarks(): void;
  /** Draw what follows the pointer and the selection. */
  protected abstract drawOverlay(layer: CanvasRenderingContext2D): void;
  /** The pointer moved, or left; answers with what to say. */
  protected abstract point(at: { x: number; y: number } | null): string;

  /** Show the plane under its title, or else say why there is nothing in it. */
  protected frame(title: string, none: string): void {
    setText(this.title, title);
    setText(this.empty, none);
    show(this.empty, none !== '');
    [this.title, this.plane.element, this.legend.element].forEach(part =>
      show(part, none === '')
    );
  }

  protected clip(canvas: CanvasRenderingContext2D): void {
    const { left, top, width, height } = this.plane.box;
    canvas.beginPath();
    canvas.rect(left, top, width, height);
    canvas.clip();
  }

  private press(): void {
    const { selection } = this.context;
    if (selection.hovered !== null) {
      selection.toggle(selection.hovered);
    }
  }
}
