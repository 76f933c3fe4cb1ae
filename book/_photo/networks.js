// The networks that the page offers, by colorlab's names; the first is loaded first.

// What each weighs, in MB: book/_ext/photo.py fills it in.
/** @type {Record<string, number>} */
const MEGABYTES = { tiny: 0, borrowed: 0 };

export const NETWORKS = Object.keys(MEGABYTES);

/** @type {Record<string, string>} */
const TOLD = { tiny: "small", borrowed: "better" };

/** @type {(name: string) => string} */
export const weigh = (name) => `${MEGABYTES[name].toFixed(1)} MB`;

/** @type {(name: string) => string} */
export const tellNetwork = (name) => `${TOLD[name]}: ${name} (${weigh(name)})`;
