//! Makes of the compiled browser's half what a browser loads: `pack frontend.wasm FOLDER` cuts it into a main part and a chunk for each
//! lazy route, writes the scripts that load them, and says in a manifest which files each route needs.

use anyhow::{Context, Result, anyhow};
use std::{env, fs, path::PathBuf};
use wasm_bindgen_cli_support::Bindgen;
use wasm_split_cli_support::{Options, transform};

const NAME: &str = "roster";
/// As leptos expects it, `WasmSplitManifest` among it.
const LOADER: &str = "./__wasm_split.______________________.js";
const MANIFEST: &str = "__wasm_split_manifest.json";

fn main() -> Result<()> {
    let mut arguments = env::args_os().skip(1).map(PathBuf::from);
    let (Some(input), Some(folder)) = (arguments.next(), arguments.next()) else {
        return Err(anyhow!("usage: pack WASM FOLDER"));
    };
    let wasm = fs::read(&input).with_context(|| format!("{} cannot be read", input.display()))?;
    fs::create_dir_all(&folder)?;

    let main = input.with_file_name("split.wasm");
    let script = format!("./{NAME}.js");
    let mut options = Options::new(&wasm);
    options.output_dir = &folder;
    options.main_out_path = &main;
    options.main_module = &script;
    options.link_name = LOADER;
    let split = transform(options).map_err(|error| anyhow!("{error:?}"))?;
    fs::write(folder.join(MANIFEST), serde_json::to_vec(&split.prefetch_map)?)?;

    // The chunks call into the main part by names that would otherwise be taken out of it.
    let mut bindgen = Bindgen::new();
    bindgen.input_path(&main).out_name(NAME).web(true)?.typescript(false).keep_lld_exports(true).demangle(false);
    bindgen.generate(&folder)?;
    fs::rename(folder.join(format!("{NAME}_bg.wasm")), folder.join(format!("{NAME}.wasm")))?;
    Ok(())
}
