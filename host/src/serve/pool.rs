//! The place where computing happens: so many at a time, so many waiting, and no more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::failure::Failure;

/// Runs work on threads of its own, in the order in which it came.
pub(super) struct Pool {
    workers: Arc<Semaphore>,
    waiting: AtomicUsize,
    most_waiting: usize,
}

/// Says whether anybody still waits for an answer.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted(Arc<AtomicBool>);

impl Wanted {
    /// The client has gone away, or the request took too long.
    pub(super) fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Tells the work that nobody waits for it any more, when the request's future is dropped.
struct CancelOnDrop(Wanted);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

/// One of the places in the queue.
struct Place<'p>(&'p AtomicUsize);

impl<'p> Place<'p> {
    fn take(waiting: &'p AtomicUsize, most: usize) -> Option<Self> {
        let more = |waiting| (waiting < most).then_some(waiting + 1);
        waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok().map(|_| Self(waiting))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Pool {
    pub(super) fn new(workers: usize, most_waiting: usize) -> Self {
        Self { workers: Arc::new(Semaphore::new(workers)), waiting: AtomicUsize::new(0), most_waiting }
    }

    /// Requests that wait for their turn.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Runs `work` when its turn comes; a future that is dropped meanwhile leaves the queue.
    ///
    /// # Errors
    /// 429 where the queue is full; 500 where `work` panicked.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Wanted) -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let turn = self.turn().await?;
        Self::work(turn, work).await
    }

    /// The same for work that is limited in another way and may wait as long as it takes: a stream has one piece of it at a time.
    ///
    /// # Errors
    /// 500 where `work` panicked.
    pub(super) async fn run_in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let turn =
            self.workers.clone().acquire_owned().await.map_err(|_| Failure::internal("the server is closing"))?;
        Self::work(turn, |_| work()).await
    }

    async fn work<T: Send + 'static>(
        turn: OwnedSemaphorePermit,
        work: impl FnOnce(&Wanted) -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let wanted = Wanted::default();
        let _cancel = CancelOnDrop(wanted.clone());
        let outcome = tokio::task::spawn_blocking(move || {
            // Held to the end of the work, even if nobody waits for it: what is computed is what counts.
            let _turn = turn;
            work(&wanted)
        });
        outcome.await.map_err(|_| Failure::internal("the server failed on this request, and goes on"))
    }

    /// Whether a request could wait at present: asked before its body is looked at, because refusing early is cheap.
    ///
    /// # Errors
    /// 429 where the queue is full.
    pub(super) fn has_room(&self) -> Result<(), Failure> {
        let is_full = self.workers.available_permits() == 0 && self.waiting() >= self.most_waiting;
        if is_full { Err(full()) } else { Ok(()) }
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit, Failure> {
        if let Ok(turn) = self.workers.clone().try_acquire_owned() {
            return Ok(turn);
        }
        let _place = Place::take(&self.waiting, self.most_waiting).ok_or_else(full)?;
        self.workers.clone().acquire_owned().await.map_err(|_| Failure::internal("the server is closing"))
    }
}

fn full() -> Failure {
    Failure::overload("as many requests waiting as it takes")
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use axum::http::StatusCode;

    use super::*;

    #[tokio::test]
    async fn the_queue_has_an_end_and_leaving_it_makes_room() {
        let pool = Arc::new(Pool::new(1, 1));
        let (release, blocked) = mpsc::channel::<()>();
        let first = tokio::spawn({
            let pool = pool.clone();
            async move { pool.run(move |_| blocked.recv().is_ok()).await }
        });
        while pool.workers.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let second = tokio::spawn({
            let pool = pool.clone();
            async move { pool.run(|_| ()).await }
        });
        while pool.waiting() == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(pool.has_room().unwrap_err().status(), StatusCode::TOO_MANY_REQUESTS);
        let third = pool.run(|_| ()).await;
        assert_eq!(third.unwrap_err().status(), StatusCode::TOO_MANY_REQUESTS);

        second.abort();
        assert!(second.await.unwrap_err().is_cancelled());
        assert_eq!(pool.waiting(), 0);

        release.send(()).unwrap();
        assert_eq!(first.await.unwrap(), Ok(true));
        assert_eq!(pool.has_room(), Ok(()));
    }

    #[tokio::test]
    async fn a_panic_ends_one_request_and_no_worker() {
        let pool = Pool::new(1, 0);
        for _ in 0..3 {
            let failure = pool.run(|_| -> u8 { panic!("a fault that nobody foresaw") }).await.unwrap_err();
            assert_eq!(failure.status(), StatusCode::INTERNAL_SERVER_ERROR);
        }
        assert_eq!(pool.run(|_| 7).await, Ok(7));
    }

    #[tokio::test]
    async fn work_hears_that_nobody_waits_for_it() {
        let pool = Arc::new(Pool::new(1, 0));
        let (started, has_started) = tokio::sync::oneshot::channel();
        let (heard, has_heard) = tokio::sync::oneshot::channel();
        let request = tokio::spawn(async move {
            pool.run(move |wanted| {
                started.send(()).unwrap();
                while !wanted.is_cancelled() {
                    std::thread::yield_now();
                }
                heard.send(()).unwrap();
            })
            .await
        });
        has_started.await.unwrap();
        request.abort();
        has_heard.await.unwrap();
    }
}
