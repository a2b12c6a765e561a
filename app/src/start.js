// Loads the browser's half once the page is shown. Until then links and forms are the browser's own, so nothing is gained by making the
// page itself wait; and if the browser's half cannot be had, they stay that. PACKAGE is the folder that it lies in.
const start = () => {
	for (const link of document.querySelectorAll('link[rel=later]')) link.rel = link.as === 'fetch' ? 'preload' : 'modulepreload';
	const code = fetch(PACKAGE + '/roster.wasm');
	import(PACKAGE + '/roster.js')
		.then(async (half) => {
			await half.default({ module_or_path: code });
			half.hydrate();
		})
		.catch((fault) => {
			document.documentElement.dataset.static = '';
			console.error(fault);
		});
};
const soon = () => (window.requestIdleCallback ?? setTimeout)(start);
if (document.readyState === 'complete') soon();
else addEventListener('load', soon);
