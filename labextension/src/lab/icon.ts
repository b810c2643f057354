import { LabIcon } from '@jupyterlab/ui-components';

/** Two learning curves. */
export const panelIcon = new LabIcon({
  name: 'notebook-automl:panel',
  // Lab's own style fills what has a fill beside its class.
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24" fill="none">
  <g class="jp-icon3" stroke="#616161" stroke-width="2" stroke-linecap="round">
    <path d="M4 3v17h17"/>
    <path d="M8 15c1-6 5-10 12-10"/>
    <path d="M10 16c2-3 5-4 10-4"/>
  </g>
</svg>`
});
