//! What is said to people: planned, formed, checked once more, sent, recorded.
