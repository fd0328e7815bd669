//! A filter for tests of the debugger: small, with debug information, and with calls inlined.

#![no_std]

use core::ptr::null_mut;

#[link(wasm_import_module = "env")]
extern "C" {
    fn proxy_log(level: u32, message: *const u8, size: usize) -> u32;
    fn proxy_add_header_map_value(
        map: u32, key: *const u8, key_size: usize, value: *const u8, value_size: usize,
    ) -> u32;
    fn proxy_get_header_map_value(
        map: u32, key: *const u8, key_size: usize, value: *mut *mut u8, value_size: *mut usize,
    ) -> u32;
}

static mut COUNTED: u32 = 0;
static mut ROOM: [u8; 4096] = [0; 4096];

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}

#[no_mangle]
pub extern "C" fn proxy_abi_version_0_2_1() {}

#[no_mangle]
pub extern "C" fn malloc(size: usize) -> *mut u8 {
    if size > 4096 { null_mut() } else { &raw mut ROOM as *mut u8 }
}

#[inline(always)]
fn say(text: &str) {
    unsafe { proxy_log(2, text.as_ptr(), text.len()) };
}

#[inline(always)]
fn greet(loud: bool) {
    if loud {
        say("HELLO");
    }
}

#[inline(never)]
fn mark(key: &str, value: &str) {
    unsafe { proxy_add_header_map_value(0, key.as_ptr(), key.len(), value.as_ptr(), value.len()) };
}

fn has(key: &str) -> bool {
    let (mut value, mut size) = (null_mut(), 0);
    unsafe { proxy_get_header_map_value(0, key.as_ptr(), key.len(), &mut value, &mut size) == 0 }
}

#[no_mangle]
pub extern "C" fn proxy_on_request_headers(_context: u32, _headers: u32, _end: u32) -> u32 {
    unsafe { COUNTED += 1 };
    greet(has("x-loud"));
    mark("x-greeted", "yes");
    if has("x-broken") {
        fail(unsafe { COUNTED });
    }
    0
}

#[inline(never)]
fn fail(count: u32) {
    if count > 0 {
        core::arch::wasm32::unreachable()
    }
}
