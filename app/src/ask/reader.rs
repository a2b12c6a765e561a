//! Reads what the server answered, in the browser: its own parser makes an object of the text, and this makes ours of the object.
//!
//! The general readers explain what was wrong with a text, byte by byte, in words that nobody would see: an answer that makes no sense is
//! [`AppError::Transport`](crate::error::AppError::Transport), whatever it was. Without those words the page is a twentieth lighter.

use crate::error::AppError;
use leptos::{
    server_fn::{Bytes, ContentType, Decodes, Encodes, Format, FormatType, codec::JsonEncoding},
    wasm_bindgen::{JsCast, JsValue},
};
use serde::{
    de::{
        DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess,
        Visitor, value::StrDeserializer,
    },
    forward_to_deserialize_any,
};
use std::slice::Iter;

/// Reads an answer; `None` if it makes no sense.
pub(super) fn read<T: DeserializeOwned>(answer: &str) -> Option<T> {
    let parsed = js_sys::JSON::parse(answer).ok()?;
    T::deserialize(Value(parsed)).ok()
}

/// The error that a form brings back in the address, without scripting, is read like any answer.
pub struct ErrorEncoding;

impl ContentType for ErrorEncoding {
    const CONTENT_TYPE: &'static str = JsonEncoding::CONTENT_TYPE;
}

impl FormatType for ErrorEncoding {
    const FORMAT_TYPE: Format = JsonEncoding::FORMAT_TYPE;
}

impl Encodes<AppError> for ErrorEncoding {
    type Error = Senseless;

    /// Browsers read errors; only servers write them.
    fn encode(_: &AppError) -> Result<Bytes, Senseless> {
        Err(Senseless)
    }
}

impl Decodes<AppError> for ErrorEncoding {
    type Error = Senseless;

    fn decode(bytes: Bytes) -> Result<AppError, Senseless> {
        std::str::from_utf8(&bytes).ok().and_then(read).ok_or(Senseless)
    }
}

/// It makes no sense.
#[derive(Debug)]
pub struct Senseless;

impl std::fmt::Display for Senseless {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Ok(())
    }
}

impl std::error::Error for Senseless {}

impl Error for Senseless {
    fn custom<T: std::fmt::Display>(_: T) -> Self {
        Self
    }

    fn invalid_type(_: serde::de::Unexpected<'_>, _: &dyn serde::de::Expected) -> Self {
        Self
    }

    fn invalid_value(_: serde::de::Unexpected<'_>, _: &dyn serde::de::Expected) -> Self {
        Self
    }

    fn invalid_length(_: usize, _: &dyn serde::de::Expected) -> Self {
        Self
    }

    fn unknown_variant(_: &str, _: &'static [&'static str]) -> Self {
        Self
    }

    fn unknown_field(_: &str, _: &'static [&'static str]) -> Self {
        Self
    }

    fn missing_field(_: &'static str) -> Self {
        Self
    }

    fn duplicate_field(_: &'static str) -> Self {
        Self
    }
}

/// The largest whole number up to which each is told from its neighbours (`Number.MAX_SAFE_INTEGER`).
const MAX_EXACT: f64 = 9_007_199_254_740_991.0;

struct Value(JsValue);

impl Value {
    fn number(&self) -> Result<f64, Senseless> {
        self.0.as_f64().ok_or(Senseless)
    }

    fn text(&self) -> Result<String, Senseless> {
        self.0.as_string().ok_or(Senseless)
    }

    fn get(&self, key: &str) -> Result<Self, Senseless> {
        js_sys::Reflect::get(&self.0, &JsValue::from_str(key)).map(Self).map_err(|_| Senseless)
    }
}

macro_rules! numbers {
    ($($deserialize:ident $visit:ident $kind:ty)*) => {
        $(fn $deserialize<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Senseless> {
            let number = self.number()?;
            let value = number as $kind;
            // The cast alone makes 255 of 300, 1 of 1.5 and 0 of -1; and beyond what is exact, the parser has rounded.
            if value as f64 == number && number.abs() <= MAX_EXACT { visitor.$visit(value) } else { Err(Senseless) }
        })*
    };
}

impl<'de> Deserializer<'de> for Value {
    type Error = Senseless;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Senseless> {
        Err(Senseless)
    }

    numbers! {
        deserialize_u8 visit_u8 u8
        deserialize_u16 visit_u16 u16
        deserialize_u32 visit_u32 u32
        deserialize_u64 visit_u64 u64
        deserialize_i64 visit_i64 i64
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Senseless> {
        visitor.visit_f64(self.number()?)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Senseless> {
        visitor.visit_bool(self.0.as_bool().ok_or(Senseless)?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Senseless> {
        visitor.visit_string(self.text()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Senseless> {
        visitor.visit_string(self.text()?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Senseless> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Senseless> {
        visitor.visit_unit()
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Senseless> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Senseless> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Senseless> {
        visitor.visit_seq(Items { items: self.0.dyn_into().map_err(|_| Senseless)?, next: 0 })
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Senseless> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Senseless> {
        let object = self.0.dyn_ref().ok_or(Senseless)?;
        visitor.visit_map(Entries { entries: js_sys::Object::entries(object).into_iter(), value: JsValue::UNDEFINED })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Senseless> {
        if !self.0.is_object() {
            return Err(Senseless);
        }
        visitor.visit_map(Fields { object: self, fields: fields.iter(), value: Value(JsValue::UNDEFINED) })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Senseless> {
        let variant = match self.0.as_string() {
            Some(name) => Variant { name, value: Value(JsValue::UNDEFINED) },
            None => {
                let object = self.0.dyn_ref::<js_sys::Object>().ok_or(Senseless)?;
                let name = js_sys::Object::keys(object).get(0).as_string().ok_or(Senseless)?;
                Variant { value: self.get(&name)?, name }
            }
        };
        visitor.visit_enum(variant)
    }

    forward_to_deserialize_any! { i8 i16 i32 i128 u128 f32 char bytes byte_buf unit_struct tuple_struct identifier }
}

/// The fields that an object has of those that are asked for.
struct Fields {
    object: Value,
    fields: Iter<'static, &'static str>,
    value: Value,
}

impl<'de> MapAccess<'de> for Fields {
    type Error = Senseless;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Senseless> {
        for field in self.fields.by_ref() {
            self.value = self.object.get(field)?;
            if !self.value.0.is_undefined() {
                return seed.deserialize(StrDeserializer::new(field)).map(Some);
            }
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Senseless> {
        seed.deserialize(Value(std::mem::take(&mut self.value.0)))
    }
}

/// The entries of an object whose keys nobody knows before.
struct Entries {
    entries: js_sys::ArrayIntoIter,
    value: JsValue,
}

impl<'de> MapAccess<'de> for Entries {
    type Error = Senseless;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Senseless> {
        let Some(entry) = self.entries.next() else { return Ok(None) };
        let entry = js_sys::Array::from(&entry);
        self.value = entry.get(1);
        seed.deserialize(Value(entry.get(0))).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Senseless> {
        seed.deserialize(Value(std::mem::take(&mut self.value)))
    }
}

/// The items of an array.
struct Items {
    items: js_sys::Array,
    next: u32,
}

impl<'de> SeqAccess<'de> for Items {
    type Error = Senseless;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Senseless> {
        if self.next == self.items.length() {
            return Ok(None);
        }
        self.next += 1;
        seed.deserialize(Value(self.items.get(self.next - 1))).map(Some)
    }
}

/// One of several, by its name.
struct Variant {
    name: String,
    value: Value,
}

impl<'de> EnumAccess<'de> for Variant {
    type Error = Senseless;
    type Variant = Value;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Value), Senseless> {
        Ok((seed.deserialize(StrDeserializer::new(&self.name))?, self.value))
    }
}

impl<'de> VariantAccess<'de> for Value {
    type Error = Senseless;

    fn unit_variant(self) -> Result<(), Senseless> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Senseless> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Senseless> {
        self.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Senseless> {
        self.deserialize_struct("", fields, visitor)
    }
}
