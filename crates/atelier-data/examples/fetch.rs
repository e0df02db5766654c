//! Obtains Fashion-MNIST into a directory (by default `data`) and says what happens:
//!
//! ```text
//! cargo run --release -p atelier-data --example fetch -- [DIRECTORY]
//! ```

use std::error::Error;

use atelier_data::{Event, Sources, obtain};

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args_os().nth(1).unwrap_or_else(|| "data".into());
    let data = obtain(&Sources::fashion_mnist(directory), &mut |event| match event {
        Event::Progress { done, total, .. } if done < total => {}
        event => eprintln!("{event}"),
    })?;
    println!("{} training and {} test images", data.train.len(), data.test.len());
    Ok(())
}
