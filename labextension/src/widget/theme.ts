/** The theme's colours for what is drawn on a canvas. */

export interface Theme {
  text: string;
  muted: string;
  grid: string;
  surface: string;
  best: string;
  good: string;
  running: string;
  dim: string;
  font: string;
}

const VARIABLES: Record<keyof Theme, string> = {
  text: '--automl-text',
  muted: '--automl-muted',
  grid: '--automl-grid',
  surface: '--automl-surface',
  best: '--automl-best',
  good: '--automl-good',
  running: '--automl-running',
  dim: '--automl-dim',
  font: '--automl-font'
};

/** Read what style.css makes of the theme's variables. */
export function readTheme(el: Element): Theme {
  const style = getComputedStyle(el);
  const theme = { ...VARIABLES };
  for (const name of Object.keys(VARIABLES) as (keyof Theme)[]) {
    theme[name] = style.getPropertyValue(VARIABLES[name]).trim();
  }
  return theme;
}

/** Call back when the page may have got another theme; returns what ends that. */
export function onThemeChange(changed: () => void): () => void {
  const observer = new MutationObserver(changed);
  const options = { attributes: true, attributeFilter: THEME_ATTRIBUTES };
  observer.observe(document.body, options);
  observer.observe(document.documentElement, options);
  const dark = matchMedia('(prefers-color-scheme: dark)');
  dark.addEventListener('change', changed);
  return () => {
    observer.disconnect();
    dark.removeEventListener('change', changed);
  };
}

// JupyterLab, VS Code and most pages tell their theme in one of these.
const THEME_ATTRIBUTES = ['data-jp-theme-name', 'data-vscode-theme-kind', 'class'];
