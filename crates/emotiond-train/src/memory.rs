//! The allocator's options.

/// Every step allocates and frees the same large tensors. Without this, the allocator returns their pages to the system,
/// which clears new ones for the next step. Call it once, at the start of the program.
#[expect(unsafe_code)]
pub fn keep_freed_pages() {
    // mimalloc.h calls it `mi_option_purge_delay`; -1 means never.
    const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;
    // SAFETY: the option exists, and no other thread runs yet that could read it.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, -1) };
}
