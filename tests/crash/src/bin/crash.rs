//! tmp
use etl_crash::{class::Class, freight::Freight, kill, yard::Yard};
fn main() -> etl_crash::Result<()> {
    let program = std::env::current_exe()?.with_file_name("ferry");
    let records = std::env::args().nth(2).map_or(6000, |n| n.parse().unwrap());
    let mut yard = Yard::open(std::path::Path::new(&std::env::args().nth(1).unwrap()), &program, Freight { records }, false)?;
    for class in Class::ALL {
        println!("{} {:?}", class.name(), yard.undisturbed(class)?);
        for seed in 0..6 {
            let outcome = kill::round(&mut yard, class, seed, None)?;
            println!("  {:?} {:?} {}", outcome.kills, outcome.recoveries, outcome.words());
        }
    }
    Ok(())
}
