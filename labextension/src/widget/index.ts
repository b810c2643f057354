/** The widget's door: one module for the view of a run and for the form. */

import 'uplot/dist/uPlot.min.css';
import './style.css';

import { keepKeys } from './keys';
import { createPanel } from './panel';
import { createView } from './view';

import type { Render } from '@anywidget/types';
import type { WidgetState } from '../messages';

const render: Render<WidgetState> = ({ model, el }) => {
  const create = model.get('kind') === 'panel' ? createPanel : createView;
  const dispose = create(model, el);
  const release = keepKeys(el);
  return () => {
    release();
    dispose();
  };
};

export default { render };
