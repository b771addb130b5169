//! The composition root: settings in, a running keysweep out. The one clock lives here.
