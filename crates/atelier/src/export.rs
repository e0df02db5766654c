//! Runs in the forms that other programs read: networks as ONNX, metrics as event files of TensorBoard.

pub(crate) mod onnx;
mod protobuf;
pub(crate) mod tensorboard;
