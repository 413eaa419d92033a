/**
 * phtlab's icons. They take their colours from Lab's theme.
 */
import { LabIcon } from '@jupyterlab/ui-components';

const svg = (body: string): string =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">${body}</svg>`;

/** A route with three stops: the tutorial, and federated analysis at large. */
export const routeIcon = new LabIcon({
  name: 'phtlab:route',
  svgstr: svg(
    '<g class="jp-icon3" stroke="#616161" stroke-width="2" stroke-linecap="round">' +
      '<path class="jp-icon-none" fill="none" d="M5 15.5V9a3.5 3.5 0 0 1 7 0v6a3.5 3.5 0 0 0 7 0V8.5"/></g>' +
      '<g class="jp-icon3" fill="#616161">' +
      '<circle cx="5" cy="18" r="2.6"/><circle cx="19" cy="6" r="2.6"/></g>'
  )
});

/** A notebook with a route in it: a new federated analysis. */
export const newAnalysisIcon = new LabIcon({
  name: 'phtlab:new-analysis',
  svgstr: svg(
    '<path class="jp-icon3" fill="#616161" fill-rule="evenodd" ' +
      'd="M6 2h12a2 2 0 0 1 2 2v16a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2V4a2 2 0 0 1 2-2zm0 2v16h12V4z"/>' +
      '<g class="jp-icon3" stroke="#616161" stroke-width="1.6" ' +
      'stroke-linecap="round"><path class="jp-icon-none" fill="none" d="M9 14.4v-3a1.5 1.5 0 0 1 3 0v1.6a1.5 1.5 0 0 0 3 0v-3"/></g>' +
      '<g class="jp-icon3" fill="#616161">' +
      '<circle cx="9" cy="16" r="1.6"/><circle cx="15" cy="8.4" r="1.6"/></g>'
  )
});

/** Small multiples: results. */
export const resultsIcon = new LabIcon({
  name: 'phtlab:results',
  svgstr: svg(
    '<path class="jp-icon3" fill="#616161" fill-rule="evenodd" ' +
      'd="M3 3h8v8H3zm2 2v4h4V5zm8-2h8v8h-8zm2 2v4h4V5zM3 13h8v8H3zm2 2v4h4v-4zm8-2h8v8h-8zm2 2v4h4v-4z"/>'
  )
});

/** A key. */
export const keyIcon = new LabIcon({
  name: 'phtlab:key',
  svgstr: svg(
    '<path class="jp-icon3" fill="#616161" fill-rule="evenodd" ' +
      'd="M7.5 6.5a5.5 5.5 0 1 0 5.2 7.3h2.8v3h3v-3H22v-3.6h-9.3a5.5 5.5 0 0 0-5.2-3.7zm0 3.2a2.3 2.3 0 1 1 0 4.6 2.3 2.3 0 0 1 0-4.6z"/>'
  )
});

/** The Train panel: a locomotive from the side. */
export const trainIcon = new LabIcon({
  name: 'phtlab:train',
  svgstr:
    '<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">' +
    '<g class="jp-icon3" fill="#616161">' +
    // Cab with its window, boiler, and chimney.
    '<path fill-rule="evenodd" d="M2 3h8.5v2h-1v4H14V5.5h-1v-2h5v2h-1V9h1.2A2.8 2.8 0 0 1 21 11.8V16H2V5H1V3zm2.2 2.4v3.8h3.1V5.4z"/>' +
    // Two wheels, their hubs open, and the buffer.
    '<path fill-rule="evenodd" d="M6.4 14.6a3.2 3.2 0 1 1 0 6.4 3.2 3.2 0 0 1 0-6.4zm0 2a1.2 1.2 0 1 0 0 2.4 1.2 1.2 0 0 0 0-2.4zM15.8 14.6a3.2 3.2 0 1 1 0 6.4 3.2 3.2 0 0 1 0-6.4zm0 2a1.2 1.2 0 1 0 0 2.4 1.2 1.2 0 0 0 0-2.4z"/>' +
    '<path d="M21 13.5l2.2 4.5H19.8v-4.5z"/>' +
    '</g></svg>'
});
