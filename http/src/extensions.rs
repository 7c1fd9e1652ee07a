//! What middleware notes at a request for those behind it.

use std::any::Any;
use std::cell::RefCell;

/// Values of one exchange, one of each type. Nothing is allocated while there is none.
///
/// ```
/// use selvedge_http::middleware::{Next, from_fn};
/// use selvedge_http::{Application, Request, Response, testing};
///
/// #[derive(Clone)]
/// struct Shop(&'static str);
///
/// async fn find_shop<A: Application>(request: Request<'_>, next: Next<'_, A>) -> Response {
///     request.extensions().insert(Shop("the tea shop"));
///     next.call(request).await
/// }
///
/// async fn page(request: Request<'_>) -> &'static str {
///     request.extensions().get::<Shop>().map_or("no shop", |shop| shop.0)
/// }
///
/// testing::run(|| page.with(from_fn(find_shop)), async |client| {
///     client.get("/").send().await.assert_text("the tea shop").await;
/// });
/// ```
#[derive(Debug, Default)]
pub struct Extensions(RefCell<Vec<Box<dyn Any>>>);

impl Extensions {
    /// Notes a value, instead of another of its type.
    pub fn insert<T: 'static>(&self, value: T) {
        let value: Box<dyn Any> = Box::new(value);
        let mut values = self.0.borrow_mut();
        let before = match values.iter_mut().find(|value| value.is::<T>()) {
            Some(place) => Some(std::mem::replace(place, value)),
            None => {
                values.push(value);
                None
            }
        };
        drop(values);
        // Its drop is foreign code.
        drop(before);
    }

    /// A copy of the value of this type, if there is one.
    pub fn get<T: Clone + 'static>(&self) -> Option<T> {
        self.0.borrow().iter().find_map(|value| value.downcast_ref::<T>()).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_value_of_each_type() {
        let extensions = Extensions::default();
        assert_eq!(extensions.get::<u32>(), None);
        extensions.insert(1_u32);
        extensions.insert("name");
        extensions.insert(2_u32);
        assert_eq!((extensions.get::<u32>(), extensions.get::<&str>()), (Some(2), Some("name")));
    }
}
