//! Links the NIF library so that it is never unloaded: threads of the transport may still run
//! in its code when the Erlang VM drops the module that loaded it.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
