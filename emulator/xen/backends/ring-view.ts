/** What a backend knows of a ring beside what stands in its pages. */
export interface BackendRingView {
  readonly queue: number;
  readonly references: readonly number[];
  readonly mfns: readonly number[];
  /** Domain 0's port. */
  readonly port: number;
  readonly frontendPort: number;
  readonly size: number;
  /** req_cons */
  readonly requestConsumer: number;
  /** rsp_prod_pvt */
  readonly responseProducer: number;
  /** When the next answers come, in virtual nanoseconds. */
  readonly answersAt?: number;
}
