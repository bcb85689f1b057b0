//! An extension module in Rust: order.prices(pickle) runs a function that was pickled on rows of Rust's.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

mod cloudpickle;

const ROWS: [(&str, i64, f64); 3] = [("tea", 3, 2.5), ("coffee", 10, 4.0), ("milk", 2, 1.25)];

#[pymodule]
mod order {
    use super::*;

    /// The prices by name. What the function raises is raised here.
    #[pyfunction]
    fn prices<'py>(py: Python<'py>, pickle: &[u8]) -> PyResult<Bound<'py, PyDict>> {
        let order = cloudpickle::loads(py, pickle)?;
        let prices = PyDict::new(py);
        for row in ROWS {
            let price: f64 = order.call1(row)?.extract()?;
            prices.set_item(row.0, price)?;
        }
        Ok(prices)
    }

    #[pyfunction]
    fn price(py: Python<'_>, pickle: &[u8], name: &str, count: i64, each: f64) -> PyResult<f64> {
        cloudpickle::loads(py, pickle)?.call1((name, count, each))?.extract()
    }

    /// The pickle of a function that knows the totals.
    #[pyfunction]
    fn totals<'py>(prices: Bound<'py, PyDict>) -> PyResult<Bound<'py, PyBytes>> {
        let py = prices.py();
        let make = cloudpickle::eval(py, c"lambda totals: lambda name: totals[name]")?;
        let pickle = cloudpickle::dumps(&make.call1((prices,))?)?;
        Ok(PyBytes::new(py, &pickle))
    }
}
