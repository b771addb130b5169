//! The catalogue, the meaning of answers, and the prober that asks.
