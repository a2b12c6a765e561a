//! The figures as a table, and against those of an earlier run.

use crate::Result;
use std::{
    collections::BTreeMap,
    fmt::{self, Display, Formatter},
};

/// What a figure is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    LookUp,
    Commit,
    Hash,
}

#[derive(Clone, Debug)]
pub struct Figure {
    pub engine: &'static str,
    pub members: usize,
    pub operation: String,
    /// As it is shown, with its unit.
    pub shown: String,
    /// How many times what it stands beside costs.
    pub ratio: Option<f64>,
}

#[derive(Debug, Default)]
pub struct Table(pub Vec<Figure>);

impl Display for Table {
    /// One table in Markdown: a row for each operation, a column for each engine and size.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut columns: Vec<(&str, usize)> = Vec::new();
        let mut operations: Vec<&str> = Vec::new();
        for figure in &self.0 {
            let column = (figure.engine, figure.members);
            if !columns.contains(&column) {
                columns.push(column);
            }
            if !operations.contains(&figure.operation.as_str()) {
                operations.push(&figure.operation);
            }
        }
        write!(f, "| Operation |")?;
        for (engine, members) in &columns {
            write!(f, " {engine}, {members} |")?;
        }
        writeln!(f, "\n|---|{}", "--:|".repeat(columns.len()))?;
        for operation in operations {
            write!(f, "| {operation} |")?;
            for column in &columns {
                let of_cell =
                    |figure: &&Figure| figure.operation == operation && (figure.engine, figure.members) == *column;
                match self.0.iter().find(of_cell) {
                    Some(Figure { shown, ratio: Some(ratio), .. }) => write!(f, " {shown} (×{ratio:.1}) |")?,
                    Some(Figure { shown, ratio: None, .. }) => write!(f, " {shown} |")?,
                    None => write!(f, " |")?,
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

/// The ratios of an earlier run, by size, engine and operation.
#[derive(Debug, Default)]
pub struct Baseline(BTreeMap<(usize, String, String), f64>);

impl Baseline {
    pub fn of(table: &Table) -> Self {
        let ratios = table.0.iter().filter_map(|figure| Some((key(figure), figure.ratio?)));
        Self(ratios.collect())
    }

    pub fn read(text: &str) -> Result<Self> {
        let mut ratios = BTreeMap::new();
        for line in text.lines() {
            let mut fields = line.split('\t');
            let (Some(members), Some(engine), Some(operation), Some(ratio)) =
                (fields.next(), fields.next(), fields.next(), fields.next())
            else {
                return Err(format!("not a line of a baseline: {line}").into());
            };
            ratios.insert((members.parse()?, engine.to_owned(), operation.to_owned()), ratio.parse()?);
        }
        Ok(Self(ratios))
    }

    pub fn to_text(&self) -> String {
        let line = |((members, engine, operation), ratio): (&(usize, String, String), &f64)| {
            format!("{members}\t{engine}\t{operation}\t{ratio:.2}\n")
        };
        self.0.iter().map(line).collect()
    }

    /// What has become worse by a third.
    pub fn worse(&self, table: &Table) -> Vec<String> {
        let worse = |figure: &Figure| {
            let (was, is) = (*self.0.get(&key(figure))?, figure.ratio?);
            let line = format!("{}, {}, {}: ×{is:.1}, was ×{was:.1}", figure.operation, figure.engine, figure.members);
            (is > was * 4.0 / 3.0).then_some(line)
        };
        table.0.iter().filter_map(worse).collect()
    }
}

fn key(figure: &Figure) -> (usize, String, String) {
    (figure.members, figure.engine.to_owned(), figure.operation.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(ratio: f64) -> Table {
        let operation = "invite".to_owned();
        Table(vec![Figure { engine: "SQLite", members: 1000, operation, shown: "1 ms".to_owned(), ratio: Some(ratio) }])
    }

    #[test]
    fn a_ratio_is_worse_when_it_has_grown_by_more_than_a_third() {
        let baseline = Baseline::read(&Baseline::of(&table(3.0)).to_text()).unwrap();
        assert_eq!(baseline.worse(&table(3.9)), Vec::<String>::new());
        assert_eq!(baseline.worse(&table(4.1)), ["invite, SQLite, 1000: ×4.1, was ×3.0"]);
    }
}
