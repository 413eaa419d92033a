/**
 * The Train panel's icon: a locomotive from the side, its colour Lab's.
 */
import { LabIcon } from '@jupyterlab/ui-components';

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
