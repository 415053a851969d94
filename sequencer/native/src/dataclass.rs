//! Python's frozen dataclasses with slots, made from here: at a tenth of what their `__init__` costs.

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyType};

/// A class and the names of all its fields, in the order in which values are given to `make`.
pub struct Dataclass {
    class: Py<PyType>,
    fields: Vec<Py<PyString>>,
}

impl Dataclass {
    /// The class `name` of `module`, a dotted name; `fields` are all that it has, defaults included.
    pub fn find(py: Python<'_>, module: &str, name: &str, fields: &[&str]) -> PyResult<Self> {
        let class = py.import(module)?.getattr(name)?.cast_into::<PyType>()?.unbind();
        Ok(Self { class, fields: fields.iter().map(|field| PyString::intern(py, field).unbind()).collect() })
    }

    /// A value with these fields.
    pub fn make<'py, const N: usize>(
        &self,
        py: Python<'py>,
        values: [Bound<'py, PyAny>; N],
    ) -> PyResult<Bound<'py, PyAny>> {
        debug_assert_eq!(N, self.fields.len());
        let class = self.class.bind(py);
        // SAFETY: a heap type without a constructor of its own; what comes back is a new reference, or an error.
        let made = unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyType_GenericAlloc(class.as_ptr().cast(), 0))? };
        // SAFETY: the object is tracked since it was made. It is immutable and refers to nothing that could refer back,
        // so it is never part of a cycle: the collector need not look at it, which is most of what many values cost.
        unsafe { ffi::PyObject_GC_UnTrack(made.as_ptr().cast()) };
        for (name, value) in self.fields.iter().zip(values) {
            set_frozen(&made, name.bind(py), &value)?;
        }
        Ok(made)
    }
}

/// `object.__setattr__(made, name, value)`: what the `__init__` of a frozen dataclass does for each field.
fn set_frozen(made: &Bound<'_, PyAny>, name: &Bound<'_, PyString>, value: &Bound<'_, PyAny>) -> PyResult<()> {
    // SAFETY: three live references, and the GIL is held.
    let failed = unsafe { ffi::PyObject_GenericSetAttr(made.as_ptr(), name.as_ptr(), value.as_ptr()) } != 0;
    if failed { Err(PyErr::fetch(made.py())) } else { Ok(()) }
}
