/** A command reports through this what its process ends with: 0 for success, 1 for a failed run. */
export type SetStatus = (status: number) => void;
