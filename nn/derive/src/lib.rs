//! `#[derive(Module)]` for [`ocelli-nn`](https://docs.rs/ocelli-nn): visits a struct's fields under their names.
//!
//! ```ignore
//! #[derive(Module)]
//! struct Block {
//!     conv1: Conv2d,                          // keys "conv1.weight", "conv1.bias"
//!     #[module(rename = "downsample.0")]
//!     shortcut: Option<Conv2d>,               // key "downsample.0.weight", if there is one
//!     #[module(skip)]
//!     activation: fn(&Var) -> Result<Var>,    // not visited; plain numbers, bools and strings need no mark
//! }
//! ```

use proc_macro::TokenStream;
use proc_macro2::TokenStream as Tokens;
use quote::quote;
use syn::{Data, DeriveInput, Field, Fields, Index, LitStr, parse_macro_input};

/// Implements `Module` by visiting every field under its name (its number in a tuple struct).
///
/// Fields may carry `#[module(skip)]` (not visited) and `#[module(rename = "…")]` (another name, which may contain dots).
#[proc_macro_derive(Module, attributes(module))]
pub fn derive_module(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}

fn expand(input: &DeriveInput) -> syn::Result<Tokens> {
    let Data::Struct(data) = &input.data else {
        let message = "expected a struct: a Module's parameters are found through its fields";
        return Err(syn::Error::new_spanned(&input.ident, message));
    };
    let mut visits = Vec::new();
    for (number, field) in fields(&data.fields).enumerate() {
        let Some(name) = visited_name(field, number)? else { continue };
        let member = match &field.ident {
            Some(ident) => quote!(#ident),
            None => {
                let index = Index::from(number);
                quote!(#index)
            }
        };
        visits.push(quote! { ::ocelli_nn::Module::visit_as(&self.#member, #name, visitor); });
    }
    let (name, text) = (&input.ident, input.ident.to_string());
    let (impl_generics, type_generics, where_clause) = input.generics.split_for_impl();
    Ok(quote! {
        impl #impl_generics ::ocelli_nn::Module for #name #type_generics #where_clause {
            fn visit(&self, visitor: &mut dyn ::ocelli_nn::Visitor) {
                #(#visits)*
                let _ = visitor;
            }
            fn type_name(&self) -> &'static str {
                #text
            }
        }
    })
}

fn fields(fields: &Fields) -> impl Iterator<Item = &Field> {
    fields.iter()
}

/// The name a field is visited under, or `None` if it is skipped.
fn visited_name(field: &Field, number: usize) -> syn::Result<Option<String>> {
    let mut name = Some(field.ident.as_ref().map_or_else(|| number.to_string(), ToString::to_string));
    for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("module")) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("skip") {
                name = None;
                Ok(())
            } else if meta.path.is_ident("rename") {
                name = Some(meta.value()?.parse::<LitStr>()?.value());
                Ok(())
            } else {
                Err(meta.error("expected `skip` or `rename = \"…\"`"))
            }
        })?;
    }
    Ok(name.map(|name| name.trim_start_matches("r#").to_string()))
}
