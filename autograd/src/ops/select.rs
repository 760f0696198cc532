//! Choice by condition.

use ocelli_tensor::Tensor;

use crate::{NodeView, Op, Result, Var};

/// `condition ? yes : no`, all broadcast.
#[derive(Debug, Clone)]
pub struct Where {
    /// A boolean tensor.
    pub condition: Tensor,
}

impl Op for Where {
    fn name(&self) -> &'static str {
        "where"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(self.condition.where_(x[0], x[1])?)
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        let zero = Var::constant(Tensor::full_on(dy.device(), (), 0, dy.dtype())?);
        let yes = node.needs(0).then(|| dy.where_(&self.condition, &zero)?.sum_to(node.shape(0))).transpose()?;
        let no = node.needs(1).then(|| zero.where_(&self.condition, dy)?.sum_to(node.shape(1))).transpose()?;
        Ok(vec![yes, no])
    }
}

impl Var {
    /// This value where the boolean `condition` is true, `other` elsewhere; all three are broadcast. See [`Tensor::where_`].
    ///
    /// # Errors
    /// As there.
    pub fn where_(&self, condition: &Tensor, other: &Var) -> Result<Var> {
        Where { condition: condition.clone() }.apply(&[self, other])
    }
}
