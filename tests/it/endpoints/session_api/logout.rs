//! Signing out, three levels of it.
